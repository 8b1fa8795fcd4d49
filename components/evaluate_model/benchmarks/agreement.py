"""How far marks agree with people: the share of equal values, and Cohen's kappa, which takes away what chance gives."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field, ValidationError

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Record
from components.evaluate_model.benchmarks.records import Mark, Outcome
from components.evaluate_model.benchmarks.rows import read_rows


class Label(Record):
    """What a person says that a response is worth, in the unit of the item's metric, as a whole number."""

    item_id: str = Field(min_length=1)
    value: float = Field(allow_inf_nan=False, multiple_of=1)


class Agreement(Record):
    """How far marks agree with people on `items`; `kappa` is `None` where all values are the same one."""

    items: int = Field(ge=1)
    share: float = Field(ge=0, le=1)
    kappa: float | None


def read_labels(file: Path) -> dict[str, float]:
    """Read what people say, lines of {"item_id", "value"}.

    Raises:
        SourceError: the file cannot be read, a line is none of these, or an item is there twice.
    """
    found: dict[str, float] = {}
    for row in read_rows(file):
        try:
            label = Label.model_validate(row.values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = ".".join(map(str, first["loc"]))
            raise SourceError(f'{row.where}: want {{"item_id", "value"}}: {name}: {first["msg"]}') from error
        if label.item_id in found:
            raise SourceError(f"{row.where}: item {label.item_id!r} is there twice; keep one line of it")
        found[label.item_id] = label.value
    return found


def agreement(marks: Sequence[Mark], labels: Mapping[str, float]) -> Agreement:
    """Compare marks with people's values; a mean of several draws, such as of ratings, counts as its nearest whole.

    Items that nobody marked do not count: those without a prediction, and those that no judge answered.

    Raises:
        SourceError: a label is of no item, or none is of an item that has a mark.
    """
    known = {mark.item_id for mark in marks}
    if strange := next((item_id for item_id in labels if item_id not in known), None):
        raise SourceError(f"--labels: item {strange!r} is not among the {len(marks)} of the benchmark")
    pairs = [
        (math.floor(mark.value + 0.5), int(labels[mark.item_id]))
        for mark in marks
        if mark.item_id in labels and mark.value is not None and mark.outcome is not Outcome.MISSING
    ]
    if not pairs:
        raise SourceError(f"--labels: none of the {len(labels)} labels is of an item that has a mark")
    share = sum(ours == theirs for ours, theirs in pairs) / len(pairs)
    return Agreement(items=len(pairs), share=share, kappa=_kappa(pairs, share))


def _kappa(pairs: Sequence[tuple[int, int]], share: float) -> float | None:
    ours, theirs = Counter(ours for ours, _ in pairs), Counter(theirs for _, theirs in pairs)
    by_chance = sum(ours[value] * theirs[value] for value in ours) / len(pairs) ** 2
    return None if by_chance == 1 else (share - by_chance) / (1 - by_chance)
