"""What regressions of Dynamic-SUPERB come to: errors and correlations, scaled by how many responses have no number.

Of a group of marks those with a `number` are read, against the label in `value`. With a share r of them read, an error
is divided by r and a correlation multiplied by it, which is the official rule. What the rule leaves open: a correlation
that is not defined, of fewer than two points or of a constant, is 0; an error over nothing is not a number. A negative
correlation comes nearer to 0 by the rule when fewer responses are read; that is so officially, too.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from components.evaluate_model.benchmarks.intervals import Numbers, Statistic
from components.evaluate_model.benchmarks.records import Mark

Measure = Callable[[Numbers, Numbers], float]
Places = NDArray[np.int64]


def mean_squared_error(labels: Numbers, numbers: Numbers) -> float:
    """Return the mean of the squared differences."""
    return float(np.mean((labels - numbers) ** 2))


def root_mean_squared_error(labels: Numbers, numbers: Numbers) -> float:
    """Return the root of the mean of the squared differences."""
    return float(np.sqrt(mean_squared_error(labels, numbers)))


def mean_absolute_error(labels: Numbers, numbers: Numbers) -> float:
    """Return the mean of the differences without their sign."""
    return float(np.mean(np.abs(labels - numbers)))


def median_absolute_error(labels: Numbers, numbers: Numbers) -> float:
    """Return the median of the differences without their sign."""
    return float(np.median(np.abs(labels - numbers)))


def linear_correlation(labels: Numbers, numbers: Numbers) -> float:
    """Return Pearson's correlation; 0 where it is not defined."""
    if np.ptp(labels) == 0 or np.ptp(numbers) == 0:
        return 0.0
    ours, theirs = labels - labels.mean(), numbers - numbers.mean()
    size = float(np.linalg.norm(ours) * np.linalg.norm(theirs))
    return float(np.clip(ours @ theirs / size, -1, 1)) if size else 0.0


def rank_correlation(labels: Numbers, numbers: Numbers) -> float:
    """Return Spearman's correlation: that of the ranks, where equal numbers share the mean of theirs."""
    return linear_correlation(_ranks(labels), _ranks(numbers))


def _ranks(numbers: Numbers) -> Numbers:
    _, places, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[places])


def kendall_correlation(labels: Numbers, numbers: Numbers) -> float:
    """Return Kendall's tau-b: pairs in the same order less those in the opposite one, ties accounted for."""
    _, rows = np.unique(labels, return_inverse=True)
    _, columns = np.unique(numbers, return_inverse=True)
    opposite = _inversions(columns[np.lexsort((columns, rows))])
    every = len(rows) * (len(rows) - 1) // 2
    one, other, both = (_tied(places) for places in (rows, columns, rows * len(rows) + columns))
    untied = math.sqrt((every - one) * (every - other))
    return (every - one - other + both - 2 * opposite) / untied if untied else 0.0


def _tied(places: Places) -> int:
    """Return how many pairs are of equal places."""
    _, counts = np.unique(places, return_counts=True)
    return int((counts * (counts - 1) // 2).sum())


def _inversions(places: Places) -> int:
    """Return how many pairs have the greater place first; bit by bit, since each resample counts them anew."""
    found = 0
    for bit in reversed(range(int(places.max()).bit_length())):
        ones, above = (places >> bit) & 1, places >> (bit + 1)
        before = np.cumsum(ones) - ones
        found += int(((before - before[np.searchsorted(above, above)]) * (1 - ones)).sum())
        places = places[np.argsort(places >> bit, kind="stable")]
    return found


ERRORS: Mapping[str, Measure] = {
    "mse": mean_squared_error,
    "rmse": root_mean_squared_error,
    "mae": mean_absolute_error,
    "medae": median_absolute_error,
}
CORRELATIONS: Mapping[str, Measure] = {
    "lcc": linear_correlation,
    "srcc": rank_correlation,
    "ktau": kendall_correlation,
}


def _statistic(measure: Measure, *, more_is_worse: bool) -> Statistic:
    def scaled(marks: Sequence[Mark]) -> float:
        read = [(mark.value, mark.number) for mark in marks if mark.number is not None]
        if not read:
            return float("nan") if more_is_worse else 0.0
        labels, numbers = np.array(read, dtype=float).T
        found, share = measure(labels, numbers), len(read) / len(marks)
        return found / share if more_is_worse else found * share

    return scaled


STATISTICS: Mapping[str, Statistic] = {
    **{name: _statistic(measure, more_is_worse=True) for name, measure in ERRORS.items()},
    **{name: _statistic(measure, more_is_worse=False) for name, measure in CORRELATIONS.items()},
}
