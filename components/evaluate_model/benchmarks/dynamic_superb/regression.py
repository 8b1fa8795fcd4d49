"""What regressions of Dynamic-SUPERB come to: errors and correlations, scaled by how many responses have no number.

Of a group of marks those with a `number` are read, against the label in `value`. With a share r of them read, an error
is divided by r and a correlation multiplied by it, which is the official rule. What the rule leaves open: a correlation
that is not defined, of fewer than two points or of a constant, is 0; an error over nothing is not a number. A negative
correlation comes nearer to 0 by the rule when fewer responses are read; that is so officially, too.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from components.evaluate_model.benchmarks.intervals import Numbers, Statistic
from components.evaluate_model.benchmarks.records import Mark

Measure = Callable[[Numbers, Numbers], float]


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
    """Return Kendall's tau-b: pairs in the same order less those in the opposite one, ties accounted for.

    Counted in a table of the different labels and numbers, since both are mostly few.
    """
    (_, rows), (_, columns) = (np.unique(each, return_inverse=True) for each in (labels, numbers))
    table = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(table, (rows, columns), 1)
    order = _agreeing(table) - _agreeing(table[:, ::-1])
    untied = float(np.prod([np.sqrt(_pairs(len(labels)) - _pairs(table.sum(axis=axis)).sum()) for axis in (0, 1)]))
    return float(np.clip(order / untied, -1, 1)) if untied else 0.0


def _agreeing(table: Numbers) -> float:
    """Return in how many pairs of points one has both the greater label and the greater number."""
    below = table.cumsum(axis=0).cumsum(axis=1)
    return float((table[1:, 1:] * below[:-1, :-1]).sum())


def _pairs(count: Numbers | int) -> Numbers:
    return np.asarray(count * (np.asarray(count) - 1) / 2)


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
