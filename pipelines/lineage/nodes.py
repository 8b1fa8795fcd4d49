"""What lineage is made of: steps that name their neighbours, so that a reader can walk in both directions."""

import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from pydantic import Field

from components.core.contracts.records import Record


class Kind(StrEnum):
    """What a step stands for, in the order in which one is made from another."""

    FILE = "file"
    CLIP = "clip"
    DESCRIPTION = "description"
    PROMPT = "prompt"
    GENERATOR = "generator"
    SAMPLE = "sample"
    VERDICT = "verdict"
    DATASET = "dataset"
    PUBLISHED = "published"
    RUN = "run"
    FROZEN_MODEL = "frozen model"
    MODEL = "model"
    VERSION = "version"
    EVALUATION = "evaluation"
    ANSWER = "answer"


class Ref(Record):
    """A neighbour: `id` is what `desta why` takes."""

    kind: Kind
    id: str


class Step(Record):
    """One thing, what is known of it, and its neighbours; `missing` says why it cannot be looked at here."""

    kind: Kind
    id: str
    facts: dict[str, Any] = Field(default_factory=dict)
    made_from: tuple[Ref, ...] = ()
    led_to: tuple[Ref, ...] = ()
    missing: str | None = None

    @property
    def ref(self) -> Ref:
        """Name this step to its neighbours."""
        return Ref(kind=self.kind, id=self.id)

    def __str__(self) -> str:
        lines = [f"{self.kind} {self.id}"]
        lines += [f"  not here: {self.missing}"] if self.missing else []
        lines += [line for name, value in self.facts.items() for line in _told(name, value, "  ")]
        return "\n".join(lines)


class Trace(Record):
    """Everything that one thing was made from and that was made from it, what came first first."""

    subject: Ref
    steps: tuple[Step, ...]

    def of(self, kind: Kind) -> tuple[Step, ...]:
        """Return the steps of one kind."""
        return tuple(step for step in self.steps if step.kind is kind)

    @property
    def gaps(self) -> tuple[Step, ...]:
        """What is known to have been there, and cannot be looked at in this home."""
        return tuple(step for step in self.steps if step.missing)

    def __str__(self) -> str:
        return "\n".join([f"why {self.subject.kind} {self.subject.id}", "", *map(str, self.steps)])


def in_order(steps: Iterator[Step]) -> tuple[Step, ...]:
    """Return steps in the order of their kinds, each once, as it was told first."""
    once: dict[Ref, Step] = {}
    for step in steps:
        once.setdefault(step.ref, step)
    return tuple(sorted(once.values(), key=lambda step: list(Kind).index(step.kind)))


def _told(name: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield f"{indent}{name}:"
        for key, each in value.items():
            yield from _told(key, each, f"{indent}  ")
    elif value is not None:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield f"{indent}{name}: " + f"\n{indent}  ".join(text.splitlines() or [""])
