"""What a study compares: settings of train_model, as a file that anyone can change and run again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record
from components.core.settings import checked
from components.train_model.settings import TrainModelSettings

ADAPTER_STUDY = Path(__file__).with_name("adapter.yaml")
_STAGE = "train_model"


class Condition(Record):
    """One way to train, by what it changes in the base of the study."""

    name: str = Field(min_length=1, max_length=60)
    set: Mapping[str, Any] = Field(default_factory=dict)


class Study(Record):
    """Ways to train that are compared on the same data."""

    base: Mapping[str, Any] = Field(default_factory=dict)
    conditions: tuple[Condition, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_different(self) -> Self:
        names = [condition.name for condition in self.conditions]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"condition {twice[0]!r} is there twice")
        return self

    def settings(self, condition: Condition) -> TrainModelSettings:
        """Return all settings of a condition; raises what `checked` raises."""
        return checked(_STAGE, TrainModelSettings, {**self.base, **condition.set})


def overrides_of(lines: Sequence[str]) -> dict[str, str]:
    """Read settings from lines such as `steps=60`.

    Raises:
        ConfigurationError: a line is not of that form.
    """
    pairs = [line.partition("=") for line in lines]
    if wrong := [line for line, (name, equals, _) in zip(lines, pairs, strict=True) if not (name and equals)]:
        raise ConfigurationError(f"--set {wrong[0]}: want SETTING=VALUE, a setting of train_model, such as steps=60")
    return {name: value for name, _, value in pairs}


def read_study(file: Path, overrides: Mapping[str, Any]) -> Study:
    """Read a study, every condition of it checked; `overrides` change its base.

    Raises:
        ConfigurationError: the file is not a study, or a condition has a setting that train_model refuses.
    """
    try:
        read = Study.model_validate(yaml.safe_load(file.read_text("utf-8")), strict=False)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise ConfigurationError(f"{file}: not a study: {_first_fault(error)}") from error
    study = read.model_copy(update={"base": {**read.base, **overrides}})
    for condition in study.conditions:
        try:
            study.settings(condition)
        except ConfigurationError as error:
            raise ConfigurationError(f"{file}: condition {condition.name!r}: {error}") from error
    return study


def _first_fault(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}".removeprefix(": ")
    return " ".join(str(error).split())[:200]
