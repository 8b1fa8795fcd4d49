"""The policy: every threshold by which samples are judged, read from a file that says its version."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, SerializerFunctionWrapHandler, ValidationError, field_validator, model_serializer

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Domain
from components.core.settings import Settings

STANDARD = "standard"
"""The word for the policy that ships with this stage."""
_CHANGED = "+changed"
"""What the version of a policy ends in where a run changed a threshold."""
_SHIPPED = Path(__file__).with_name("policy.yaml")


class Limits(Settings):
    """Thresholds for one sample; `None` where a domain or a corpus leaves it as it is."""

    max_time_stamp_excess_s: float | None = Field(None, ge=0)
    max_same_answers: int | None = Field(None, ge=0)
    max_repeated_share: float | None = Field(None, ge=0, le=1)
    max_compression: float | None = Field(None, ge=1)
    max_foreign_letters: float | None = Field(None, ge=0, le=1)
    min_function_words: float | None = Field(None, ge=0, le=1)
    max_copied_attributes: int | None = Field(None, ge=0)

    @model_serializer(mode="wrap")
    def _written(self, dump: SerializerFunctionWrapHandler) -> dict[str, int | float]:
        return {name: value for name, value in dump(self).items() if value is not None}


class Rules(Settings):
    """Thresholds for samples: all of them by default, some of them otherwise for a domain or a corpus."""

    default: Limits
    domain: dict[Domain, Limits] = Field(default_factory=dict)
    corpus: dict[str, Limits] = Field(default_factory=dict)

    @field_validator("default")
    @classmethod
    def _complete(cls, default: Limits) -> Limits:
        if missing := [name for name, value in default if value is None]:
            raise ValueError(f"{missing[0]} is missing; write all of {', '.join(Limits.model_fields)}")
        return default

    def limits(self, domain: str, corpus: str | None) -> dict[str, float]:
        """Return all thresholds for a sample by their names: the most specific of each."""
        layers = (self.default, self.domain.get(Domain(domain)), self.corpus.get(corpus or ""))
        return {name: value for layer in layers if layer for name, value in layer.model_dump().items()}


class GateLimits(Settings):
    """Thresholds for all samples together."""

    min_acceptance: float = Field(gt=0, le=1)
    max_nll: float = Field(gt=0)
    max_nll_difference: float = Field(gt=0)


class DriftLimits(Settings):
    """How far a dataset may be from the one accepted before it without a warning."""

    max_share_shift: float = Field(ge=0, le=1)
    max_acceptance_change: float = Field(ge=0, le=1)
    max_length_change: float = Field(ge=0)
    max_nll_change: float = Field(ge=0)


class Policy(Settings):
    """All thresholds, and the version that their author gave them."""

    version: str = Field(min_length=1)
    rules: Rules
    gates: GateLimits
    drift: DriftLimits


def standard_policy() -> Policy:
    """Return the policy that ships with this stage."""
    return policy_of(STANDARD)


def policy_of(given: Any, changes: str = "") -> Policy:
    """Read a policy: `standard`, the name of a YAML file, or its content (also as JSON), with changes for this run.

    Raises:
        ConfigurationError: no such file, an unknown key or domain, a wrong value, or a malformed change.
    """
    where, content = _content(given)
    for place, value in _changes(changes):
        where = f"thresholds {changes!r}"
        _put(content, place, value)
    if changes and isinstance(content, dict):
        content["version"] = f"{str(content.get('version', '')).removesuffix(_CHANGED)}{_CHANGED}"
    try:
        return Policy.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError(f"validate_data.policy: {where}: {_fault(error)}") from error


def _content(given: Any) -> tuple[str, Any]:
    """Return what a policy is called in an error line, and what it says."""
    if isinstance(given, Policy | Mapping):
        content = given.model_dump(mode="json") if isinstance(given, Policy) else given
        return "given", json.loads(json.dumps(content))
    text = str(given).strip()
    if text.startswith("{"):
        return "given", _parsed("given", text)
    path = _SHIPPED if text == STANDARD else Path(text)
    try:
        return path.name, _parsed(str(path), path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"validate_data.policy: {path}: cannot be read: {error}; want {STANDARD!r} or a YAML file"
        ) from error


def _parsed(where: str, text: str) -> Any:
    try:
        # BaseLoader makes nothing but text, lists and mappings: `yes` is no number, and a version is as it is written.
        return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError as error:
        raise ConfigurationError(f"validate_data.policy: {where}: mend it: {' '.join(str(error).split())}") from error


def _changes(text: str) -> Iterator[tuple[list[str], str]]:
    """Yield each `section.….name=value` as the keys that lead to it and its value."""
    for line in filter(None, text.split(",")):
        place, given, value = line.strip().partition("=")
        keys = place.split(".")
        if not given or len(keys) < 2:
            raise ConfigurationError(
                f"validate_data.thresholds: {line!r}: want name=value, such as gates.min_acceptance=0.2"
            )
        if keys[:2] == ["rules", "corpus"]:  # the name of a corpus may hold dots
            keys = [*keys[:2], ".".join(keys[2:-1]), keys[-1]]
        yield keys, value


def _put(content: Any, keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        content = content.setdefault(key, {}) if isinstance(content, dict) else None
    if not isinstance(content, dict):
        raise ConfigurationError(f"validate_data.thresholds: {'.'.join(keys)}: no such threshold or section")
    content[keys[-1]] = value


def _fault(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(key) for key in first["loc"] if key != "[key]")
    if first["type"] == "extra_forbidden":
        return f"{where}: no such threshold or section"
    if first["type"] == "missing":
        return f"{where}: is missing; write it"
    if first["type"] == "value_error":
        return f"{where}: {first['msg'].removeprefix('Value error, ')}"
    return f"{where or 'the file'}: {first['msg']}, got {str(first['input'])[:60]!r}"
