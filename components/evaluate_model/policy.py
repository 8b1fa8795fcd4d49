"""The policy of the gate: what a model must reach, read from a file that says its version."""

from pathlib import Path
from typing import Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from components.core.policies import PolicyReader
from components.core.settings import Settings

COMPARED = ("loss", "audio_gain", "accuracy", "word_errors", "text_accuracy")
"""The figures that are compared with the champion's."""


class Bound(Settings):
    """What a figure must be: its value, or the lower end of its 95 % interval."""

    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_dump():
            raise ValueError(f"is empty; write one of {', '.join(Bound.model_fields)}")
        return self

    @model_serializer(mode="wrap")
    def _written(self, dump: SerializerFunctionWrapHandler) -> dict[str, float]:
        return {name: value for name, value in dump(self).items() if value is not None}


class Regression(Settings):
    """In which figures a model may not be worse than the champion, and how many items both must have answered."""

    figures: tuple[str, ...]
    min_shared: int = Field(ge=1)

    @model_validator(mode="after")
    def _are_compared(self) -> Self:
        if strange := sorted(set(self.figures) - set(COMPARED)):
            raise ValueError(f"{strange[0]!r} is not compared with the champion's; known: {', '.join(COMPARED)}")
        return self


class Policy(Settings):
    """The lines of the gate."""

    version: str = Field(min_length=1)
    minimum: dict[str, Bound]
    regression: Regression


POLICIES = PolicyReader(
    stage="evaluate_model",
    model=Policy,
    shipped=Path(__file__).with_name("policy.yaml"),
    example="minimum.perplexity_drop.at_least=0.1",
)
