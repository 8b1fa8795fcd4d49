"""Policies: thresholds that people keep in a YAML file, read strictly, with changes for one run."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import ValidationError

from components.core.contracts.errors import ConfigurationError
from components.core.settings import Settings

STANDARD = "standard"
"""The word for the policy that ships with a stage."""
_CHANGED = "+changed"
"""What the version of a policy ends in where a run changed a threshold."""

P = TypeVar("P", bound=Settings)


@dataclass(frozen=True, kw_only=True)
class PolicyReader(Generic[P]):
    """Reads the policies of a stage, which the settings `policy` and `thresholds` name.

    A policy has a `version` that its author gave it. `example` is a change that error lines show. Below the section
    `free_names` are names that may hold dots.
    """

    stage: str
    model: type[P]
    shipped: Path
    example: str
    free_names: tuple[str, ...] = ()

    def standard(self) -> P:
        """Return the policy that ships with the stage."""
        return self.read(STANDARD)

    def applied(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of a stage's settings with the content of the policy, changed as `thresholds` says.

        Raises:
            ConfigurationError: see `read`.
        """
        rest = {name: value for name, value in values.items() if name not in {"policy", "thresholds"}}
        return {**rest, "policy": self.read(values.get("policy", STANDARD), str(values.get("thresholds", "")))}

    def read(self, given: Any, changes: str = "") -> P:
        """Read `standard`, the name of a YAML file, or a policy's content (also as JSON), with changes for this run.

        Raises:
            ConfigurationError: no such file, an unknown key, a wrong value, or a malformed change.
        """
        where, content = self._content(given)
        for place, value in self._changes(changes):
            where = f"thresholds {changes!r}"
            self._put(content, place, value)
        if changes and isinstance(content, dict):
            content["version"] = f"{str(content.get('version', '')).removesuffix(_CHANGED)}{_CHANGED}"
        try:
            return self.model.model_validate(content)
        except ValidationError as error:
            raise ConfigurationError(f"{self.stage}.policy: {where}: {_fault(error)}") from error

    def _content(self, given: Any) -> tuple[str, Any]:
        """Return what a policy is called in an error line, and what it says."""
        if isinstance(given, Settings | Mapping):
            content = given.model_dump(mode="json") if isinstance(given, Settings) else given
            return "given", json.loads(json.dumps(content))
        text = str(given).strip()
        if text.startswith("{"):
            return "given", self._parsed("given", text)
        path = self.shipped if text == STANDARD else Path(text)
        try:
            return path.name, self._parsed(str(path), path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"{self.stage}.policy: {path}: cannot be read: {error}; want {STANDARD!r} or a YAML file"
            ) from error

    def _parsed(self, where: str, text: str) -> Any:
        try:
            # BaseLoader makes nothing but text, lists and mappings: `yes` is no number, a version is as it is written.
            return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506
        except yaml.YAMLError as error:
            raise ConfigurationError(
                f"{self.stage}.policy: {where}: mend it: {' '.join(str(error).split())}"
            ) from error

    def _changes(self, text: str) -> Iterator[tuple[list[str], str]]:
        """Yield each `section.….name=value` as the keys that lead to it and its value."""
        for line in filter(None, text.split(",")):
            place, given, value = line.strip().partition("=")
            keys = place.split(".")
            if not given or len(keys) < 2:
                raise ConfigurationError(f"{self.stage}.thresholds: {line!r}: want name=value, such as {self.example}")
            depth = len(self.free_names)
            if depth and tuple(keys[:depth]) == self.free_names:
                keys = [*keys[:depth], ".".join(keys[depth:-1]), keys[-1]]
            yield keys, value

    def _put(self, content: Any, keys: list[str], value: str) -> None:
        for key in keys[:-1]:
            content = content.setdefault(key, {}) if isinstance(content, dict) else None
        if not isinstance(content, dict):
            raise ConfigurationError(f"{self.stage}.thresholds: {'.'.join(keys)}: no such threshold or section")
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
