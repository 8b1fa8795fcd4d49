"""Settings of a stage: one frozen model, from which the command line's flags, their help and their checks follow."""

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from components.core.contracts.errors import ConfigurationError


class Settings(BaseModel):
    """The base of all settings: frozen, and a name that does not exist is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def with_changes(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values that were given for it, with changes of some; what has its default is not among them."""
        return {**self.model_dump(exclude_unset=True), **changes}

    def deciding(self) -> dict[str, Any]:
        """Return what of the settings decides a stage's result: all but those that are marked `ONLY_HOW`.

        A file counts by its content, not by its name.
        """
        aside = {name for name, field in type(self).model_fields.items() if ONLY_HOW in field.metadata}
        return self.model_dump(mode="json", exclude=aside)


ONLY_HOW: Final = "only how"
"""In `Annotated`: marks a setting that decides how a result is made and not what it is; it is no part of the key."""


S = TypeVar("S", bound=Settings)


def checked(stage: str, model: type[S], values: Mapping[str, Any]) -> S:
    """Build settings from raw values.

    Raises:
        ConfigurationError: an unknown name or a value out of range, as `stage.name: what, got value`.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join((stage, *map(str, first["loc"])))
        if first["type"] == "extra_forbidden":
            known = ", ".join(model.model_fields)
            raise ConfigurationError(f"{name}: no such parameter; {stage} has: {known}") from error
        raise ConfigurationError(f"{name}: {first['msg']}, got {first['input']!r}") from error


def add_flags(parser: argparse.ArgumentParser, model: type[Settings]) -> None:
    """Give a parser one flag for each setting; values stay text until `checked` reads them."""
    group = parser.add_argument_group("settings")
    for name, field in model.model_fields.items():
        default = "" if field.default_factory else f" (default: {'none' if field.default == '' else field.default})"
        text = f"{field.description}{default}".replace("%", "%%")
        group.add_argument(_flag(name), dest=name, default=argparse.SUPPRESS, metavar="VALUE", help=text)


def given(args: argparse.Namespace, model: type[Settings]) -> dict[str, str]:
    """Return the settings that the command line names."""
    return {name: getattr(args, name) for name in model.model_fields if hasattr(args, name)}


def as_flags(settings: Mapping[str, Any]) -> list[str]:
    """Write settings as command-line arguments, each as one word: a value may begin with a dash, such as -1e-05.

    Kubeflow carries every number as a float: 150 comes back as 150.0 and is written as 150 again.
    """
    return [f"{_flag(name)}={_text(value)}" for name, value in settings.items()]


def flat(settings: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each setting by one dotted name; a mapping with free names, such as those of corpora, stays whole."""
    for name, value in settings.items():
        if isinstance(value, Mapping) and all(key.isidentifier() for key in value):
            yield from flat(value, f"{within}{name}.")
        else:
            yield f"{within}{name}", value


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value) if isinstance(value, Mapping) else str(value)
