"""Figures from marks, with bootstrap intervals: ratios of sums, other statistics, and what is made of several."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.core.digests import seed_of
from components.evaluate_model.benchmarks.records import Figure, Mark

Numbers = NDArray[np.float64]
Composite = Callable[[Mapping[str, Numbers]], Mapping[str, Numbers]]
"""Makes figures of figures, element by element: of the values themselves, and of each resample."""
Relative = Callable[[Mapping[str, Numbers], Mapping[str, Numbers]], Mapping[str, Numbers]]
"""Makes figures of ours and those of a reference system, element by element."""
Statistic = Callable[[Sequence[Mark]], float]
"""What a group of marks comes to where that is no ratio of sums, such as a correlation."""

RESAMPLES = 2000


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are drawn: whole clusters again, for each group by itself, from a seed of its name."""

    seed: int
    resamples: int = RESAMPLES

    def counts(self, name: str, clusters: int) -> Numbers:
        """Return how often each cluster counts: once in the first row, as drawn in each row behind it."""
        generator = np.random.default_rng(seed_of(self.seed, name))
        drawn = generator.multinomial(clusters, np.full(clusters, 1 / clusters), size=self.resamples)
        return np.vstack([np.ones(clusters), drawn])


def _clusters(marks: Sequence[Mark]) -> list[list[Mark]]:
    found: dict[str, list[Mark]] = defaultdict(list)
    for mark in marks:
        found[mark.cluster].append(mark)
    return [found[name] for name in sorted(found)]


def no_composite(_: Mapping[str, Numbers]) -> Mapping[str, Numbers]:
    """Make no further figures."""
    return {}


def values_of(
    marks: Sequence[Mark],
    bootstrap: Bootstrap,
    composite: Composite = no_composite,
    statistics: Mapping[str, Statistic] | None = None,
) -> dict[str, Numbers]:
    """Return each figure by its name, groups in the order they come up and then the composite ones.

    A figure is a row of numbers: its value, and behind it that of each resample. A group whose marks have a metric
    that `statistics` names is what that says, any other the ratio of its sums. Marks without a value do not count.
    """
    special = statistics or {}
    groups = _grouped(mark for mark in marks if mark.value is not None)
    drawn = {name: _values(name, some, bootstrap, special.get(some[0].metric)) for name, some in groups.items()}
    return {**drawn, **composite(drawn)}


def figures_of(marks: Sequence[Mark], values: Mapping[str, Numbers]) -> tuple[Figure, ...]:
    """Return the figures that `values_of` found, with intervals; one of no group of its own is about all marks."""
    counted = [mark for mark in marks if mark.value is not None]
    groups = _grouped(counted)
    return tuple(_figure(name, row, groups.get(name, counted)) for name, row in values.items())


def _grouped(marks: Iterable[Mark]) -> dict[str, list[Mark]]:
    groups: dict[str, list[Mark]] = defaultdict(list)
    for mark in marks:
        for name in mark.groups:
            groups[name].append(mark)
    return groups


def _values(name: str, marks: Sequence[Mark], bootstrap: Bootstrap, statistic: Statistic | None) -> Numbers:
    """Return the figure, and behind it that of each resample."""
    clusters = _clusters(marks)
    counts = bootstrap.counts(name, len(clusters))
    if statistic is None:
        values = np.array([sum(mark.value or 0.0 for mark in some) for some in clusters])
        weights = np.array([sum(mark.weight for mark in some) for some in clusters])
        return np.asarray((counts @ values) / np.maximum(counts @ weights, np.finfo(float).tiny))
    return np.array([statistic(_drawn(clusters, row)) for row in counts])


def _drawn(clusters: Sequence[Sequence[Mark]], times: Numbers) -> list[Mark]:
    return [mark for some, count in zip(clusters, times, strict=True) for mark in list(some) * int(count)]


def _figure(name: str, values: Numbers, marks: Sequence[Mark]) -> Figure:
    low, high = np.nanquantile(values[1:], [0.025, 0.975])
    outcomes = dict(Counter(mark.outcome for mark in marks))
    return Figure(
        name=name, value=float(values[0]), low=float(low), high=float(high), items=len(marks), outcomes=outcomes
    )
