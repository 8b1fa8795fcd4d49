"""Two results of one benchmark side by side: the difference of each figure, paired item by item."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record
from components.evaluate_model.benchmarks.benchmark import Benchmark
from components.evaluate_model.benchmarks.intervals import Bootstrap, Numbers, values_of
from components.evaluate_model.benchmarks.records import Mark
from components.evaluate_model.benchmarks.scoring import Result


class Difference(Record):
    """How much higher a figure is than in the other result, with the paired bootstrap 95 % interval.

    `better` tells whether the interval lies on the good side of zero, `worse` on the bad one.
    """

    name: str
    value: float
    low: float
    high: float
    better: bool
    worse: bool


def check_comparable(ours: Result, theirs: Result) -> None:
    """Make sure that two results rest on the same things.

    Raises:
        ConfigurationError: they differ in benchmark, version, items, rules, post-processing, judge or seed.
    """
    mine, other = ours.basis.model_dump(mode="json"), theirs.basis.model_dump(mode="json")
    if odd := [name for name in mine if mine[name] != other[name]]:
        name = odd[0]
        raise ConfigurationError(
            f"results cannot be compared: {name} is {mine[name]!r} in one and {other[name]!r} in the other; "
            "score both sets of predictions the same way"
        )


def compare(benchmark: Benchmark, ours: Result, theirs: Result) -> tuple[Difference, ...]:
    """Return the differences of all figures that both have; each resample draws the same items for both.

    Raises:
        ConfigurationError: they do not rest on the same things.
    """
    mine, other = _paired(benchmark, ours, theirs)
    errors = _error_groups(benchmark, ours.marks)
    return tuple(
        difference_of(name, mine[name] - other[name], more_is_worse=name in errors) for name in mine if name in other
    )


def relate(benchmark: Benchmark, ours: Result, reference: Result) -> tuple[Difference, ...]:
    """Return how ours stands to a reference system, by the benchmark's own rule; resamples are paired as in `compare`.

    Nothing where one of them lacks the figure that the rule wants, or the reference's is 0.

    Raises:
        ConfigurationError: the benchmark has no such rule, or the results do not rest on the same things.
    """
    if benchmark.relative is None:
        raise ConfigurationError(f"benchmark {benchmark.name}: relates nothing to a reference system")
    found = benchmark.relative(*_paired(benchmark, ours, reference))
    finite = {name: values for name, values in found.items() if np.isfinite(values[0])}
    return tuple(difference_of(name, values, more_is_worse=False) for name, values in finite.items())


def _paired(benchmark: Benchmark, ours: Result, theirs: Result) -> tuple[Mapping[str, Numbers], Mapping[str, Numbers]]:
    """Return the figures of the items that both have marks for."""
    check_comparable(ours, theirs)
    bootstrap = Bootstrap(ours.basis.seed, ours.basis.resamples)
    both = {mark.item_id for mark in ours.marks if mark.value is not None} & {
        mark.item_id for mark in theirs.marks if mark.value is not None
    }
    mine, other = (
        values_of(marks, bootstrap, benchmark.composite, benchmark.statistics)
        for marks in _same_groups(_of(ours.marks, both), _of(theirs.marks, both))
    )
    return mine, other


def _of(marks: Sequence[Mark], item_ids: set[str]) -> list[Mark]:
    return [mark for mark in marks if mark.item_id in item_ids]


def _same_groups(ours: Sequence[Mark], theirs: Sequence[Mark]) -> tuple[list[Mark], list[Mark]]:
    """Return the marks with those of their groups that hold the same items in both: others cannot be paired."""
    mine, other = _members(ours), _members(theirs)
    same = {name for name in mine if mine[name] == other.get(name)}

    def kept(marks: Sequence[Mark]) -> list[Mark]:
        return [mark.model_copy(update={"groups": tuple(n for n in mark.groups if n in same)}) for mark in marks]

    return kept(ours), kept(theirs)


def _members(marks: Sequence[Mark]) -> dict[str, set[str]]:
    members: dict[str, set[str]] = defaultdict(set)
    for mark in marks:
        for name in mark.groups:
            members[name].add(mark.item_id)
    return members


def _error_groups(benchmark: Benchmark, marks: Sequence[Mark]) -> frozenset[str]:
    return frozenset(name for mark in marks if mark.metric in benchmark.errors for name in mark.groups)


def difference_of(name: str, values: Numbers, *, more_is_worse: bool) -> Difference:
    """Return a difference whose first number is its value, and the others that of each resample."""
    low, high = (float(value) for value in np.nanquantile(values[1:], [0.025, 0.975]))
    up, down = low > 0, high < 0
    better, worse = (down, up) if more_is_worse else (up, down)
    return Difference(name=name, value=float(values[0]), low=low, high=high, better=better, worse=worse)
