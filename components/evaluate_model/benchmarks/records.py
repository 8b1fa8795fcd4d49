"""What all benchmarks have in common: items, predictions, marks, and the figures that marks add up to."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import Field

from components.core.contracts.records import Record


class Constraint(Record):
    """A rule that can be checked on the text of a response, with its arguments, by the benchmark's own id."""

    constraint_id: str = Field(min_length=1)
    arguments: Mapping[str, Any] = Field(default_factory=dict)


class Item(Record):
    """One question of a benchmark, in the form that all benchmarks share.

    `item_id` is unique within the benchmark. `metric` names the rule that marks it, `subset` the figure it counts in,
    `slices` what it is looked at by besides. `audio` are paths below the benchmark's folder. `label` is the right
    answer, or the text that a response is compared with; `None` where the rule needs none or the server keeps it.
    `reading` is what a system reads that cannot hear, words about the audio among it; `None` where there are none.
    `spoken` is what the audio asks, where the question is in it: it is for the judge, not for the model.
    """

    benchmark: str = Field(min_length=1)
    subset: str = Field(min_length=1)
    item_id: str = Field(min_length=1)
    metric: str = Field(min_length=1)
    audio: tuple[str, ...]
    instruction: str
    spoken: str = ""
    system_prompt: str | None = None
    reading: str | None = None
    choices: tuple[str, ...] = ()
    label: str | None = None
    constraints: tuple[Constraint, ...] = ()
    slices: Mapping[str, str] = Field(default_factory=dict)


class Prediction(Record):
    """What a model said to an item; an empty response is one, a missing line is none."""

    item_id: str = Field(min_length=1)
    response: str


class Outcome(StrEnum):
    """How a mark came about."""

    MARKED = "marked"
    MISSING = "missing"
    """There is no prediction: it counts as wrong, and is reported."""
    EMPTY = "empty"
    GUESSED = "guessed"
    """The response names no option: the official rule draws one, here from a seed that belongs to the item."""
    UNPARSED = "unparsed"
    """The judge's words, or the number in a response, cannot be read."""
    UNMARKED = "unmarked"
    """A judge is needed and none was given, or the budget was spent; or the label is the server's."""


class Mark(Record):
    """What a response is worth: `value` of `weight`, in the unit of its metric; figures are ratios of their sums.

    An accuracy has 0 or 1 of 1, a word error rate has errors of words. `value` is `None` where there is nothing to
    count (see `Outcome`). Marks of one `cluster`, the items about one clip, are not independent. `marked` is the
    response as the rule saw it, after post-processing. `number` is what a regression read from the response, or what a
    statistic counts beside `value`.
    """

    item_id: str
    metric: str
    cluster: str
    groups: tuple[str, ...]
    outcome: Outcome
    value: float | None
    weight: float = 1.0
    number: float | None = None
    marked: str = ""
    detail: str = ""


class Figure(Record):
    """A figure with its bootstrap 95 % interval; `items` were counted, of which `outcomes` says how each came about."""

    name: str
    value: float
    low: float
    high: float
    items: int
    outcomes: Mapping[Outcome, int]
