"""Dynamic-SUPERB, phase 1: 55 instances of classification (reference: dynamic-superb/dynamic-superb).

A response is right if it equals the label, whatever the case, and nothing else is overlooked: a space or a full stop
too many is wrong. The benchmark's own baseline takes the white space around its responses away before it compares,
which is the post-processing `stripped`. Figures are the accuracy of each instance, the plain mean over the instances of
each dimension, and the plain mean over all; where some of a dimension or of the 55 are absent, the name of the mean
says so. An instance that the table of dimensions does not have counts in the mean over all, and in no dimension.

What an instance has as `text`, such as the sentence that speech is compared with, is read behind the instruction.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.benchmark import Benchmark, as_it_is, mark_of
from components.evaluate_model.benchmarks.dynamic_superb.dimensions import DIMENSIONS, dimension_of
from components.evaluate_model.benchmarks.dynamic_superb.files import (
    ENDINGS,
    export,
    files,
    item_of,
    response_of,
    rows_of,
)
from components.evaluate_model.benchmarks.intervals import Numbers
from components.evaluate_model.benchmarks.records import Item, Mark, Outcome
from components.evaluate_model.benchmarks.rows import Row

NAME, VERSION = "dynamic-superb-1", "phase-1"
ACCURACY, AVERAGE = "accuracy", "average"


def is_right(label: str, response: str) -> bool:
    """Tell whether a response equals the label, whatever the case."""
    return response.lower() == label.lower()


def items_of(row: Row) -> tuple[Item]:
    """Read the item in a row of an instance or of a prediction file.

    Raises:
        SourceError: the row is not of its form, or its instance is not marked by accuracy.
    """
    metrics = row.texts("metrics")
    if metrics and ACCURACY not in {name.lower() for name in metrics}:
        raise SourceError(
            f"{row.where}: its instance is marked by {', '.join(metrics)}, not {ACCURACY}: not of phase 1"
        )
    return (item_of(row, NAME, ACCURACY, with_text=True),)


def mark(item: Item, response: str, _replies: Sequence[str]) -> Mark:
    """Mark a response as equal to the label or not; it counts in its instance."""
    outcome = Outcome.MARKED if response.strip() else Outcome.EMPTY
    return mark_of(item, float(is_right(item.label or "", response)), response, outcome=outcome)


def composite(figures: Mapping[str, Numbers]) -> Mapping[str, Numbers]:
    """Average over the instances of each dimension, and over all; a name says how many, where some are absent."""
    grouped: dict[str, list[Numbers]] = defaultdict(list)
    for instance, values in figures.items():
        if (dimension := dimension_of(instance)) is not None:
            grouped[dimension].append(values)
    means = {
        _named(dimension, len(found), len(DIMENSIONS[dimension])): np.mean(found, axis=0)
        for dimension in DIMENSIONS
        if (found := grouped[dimension])
    }
    of_phase = sum(len(found) for found in grouped.values())
    everything = sum(map(len, DIMENSIONS.values()))
    strange = len(figures) - of_phase
    name = (
        f"{AVERAGE} ({of_phase} of {everything}, {strange} others)"
        if strange
        else _named(AVERAGE, of_phase, everything)
    )
    return {**means, name: np.mean(list(figures.values()), axis=0)} if figures else {}


def _named(name: str, found: int, known: int) -> str:
    return name if found == known else f"{name} ({found} of {known})"


def stripped(response: str) -> str:
    """Take away the white space around a response."""
    return response.strip()


DYNAMIC_SUPERB_1 = Benchmark(
    name=NAME,
    version=VERSION,
    rules="1",
    about="classification in 55 instances of six dimensions, by exact match",
    files=files,
    rows_of=rows_of,
    endings=ENDINGS,
    items_of=items_of,
    response_of=response_of,
    mark=mark,
    post={"as-it-is": as_it_is, "stripped": stripped},
    composite=composite,
    export=export,
)
