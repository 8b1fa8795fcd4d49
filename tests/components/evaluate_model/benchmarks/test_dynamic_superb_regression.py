import math
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components.evaluate_model.benchmarks.dynamic_superb.regression import (
    CORRELATIONS,
    ERRORS,
    STATISTICS,
    kendall_correlation,
    rank_correlation,
)
from components.evaluate_model.benchmarks.records import Mark, Outcome
from tests.components.evaluate_model.benchmarks.instances import figures, only, said, scored
from tests.components.evaluate_model.benchmarks.marks import make_mark

GOLDEN = {
    "MSE": 11 / 4,
    "RMSE": math.sqrt(11 / 4),
    "MAE": 5 / 4,
    "MedAE": 1.0,
    "LCC": 3.5 / math.sqrt(63.75),
    "SRCC": 1.5 / math.sqrt(22.5),
    "KTAU": 1 / math.sqrt(30),
}
"""Of 1, 2, 3, 4 and 2, 2, 0, 5, with a tie, by hand."""
READ = (("1", "2"), ("2", "2"), ("3", "0"), ("4", "5"))


@pytest.mark.parametrize("metric", GOLDEN)
def test_a_regression_with_all_numbers_is_its_measure(tmp_path: Path, metric: str) -> None:
    figure = only(scored(said(tmp_path, "Some_Task", [metric], *READ)))
    assert figure.name == f"Some_Task {metric.lower()}"
    assert figure.value == pytest.approx(GOLDEN[metric])


@pytest.mark.parametrize("metric", GOLDEN)
def test_what_has_no_number_makes_an_error_larger_and_a_correlation_smaller(tmp_path: Path, metric: str) -> None:
    unread = [("9", "N/A"), ("9", "I cannot hear it"), ("9", ""), ("9", None)]
    figure = only(scored(said(tmp_path, "Some_Task", [metric], *READ, *unread)))
    factor = 2 if metric.lower() in ERRORS else 0.5
    assert figure.value == pytest.approx(GOLDEN[metric] * factor)
    assert figure.items == 8
    assert figure.outcomes == {Outcome.MARKED: 4, Outcome.UNPARSED: 2, Outcome.EMPTY: 1, Outcome.MISSING: 1}


@pytest.mark.parametrize("metric", CORRELATIONS)
def test_a_correlation_without_any_number_is_0(tmp_path: Path, metric: str) -> None:
    figure = only(scored(said(tmp_path, "Some_Task", [metric], ("1", "N/A"), ("2", ""), ("3", None))))
    assert (figure.value, figure.low, figure.high, figure.items) == (0.0, 0.0, 0.0, 3)


@pytest.mark.parametrize("metric", ERRORS)
def test_an_error_without_any_number_is_no_figure_and_is_reported(tmp_path: Path, metric: str) -> None:
    folder = said(tmp_path, "Some_Task", [metric], ("1", "N/A"), ("2", ""), ("3", None))
    result = scored(said(folder, "Other_Task", [metric], ("1", "3"), ("5", "N/A")))
    assert list(figures(result)) == [f"Other_Task {metric}"]
    assert (result.unmarked, result.missing) == (2, ("Some_Task/002.wav",))


def test_resamples_without_any_number_do_not_spoil_an_interval(tmp_path: Path) -> None:
    figure = only(scored(said(tmp_path, "Some_Task", ["MAE"], ("1", "3"), ("2", "N/A"))))
    assert (figure.value, figure.low, figure.high) == (4.0, 2.0, 4.0)


@pytest.mark.parametrize("metric", CORRELATIONS)
@pytest.mark.parametrize("numbers", [("0.1", "0.1", "0.1"), ("4", "N/A", "N/A")])
def test_a_correlation_that_is_not_defined_is_0(tmp_path: Path, metric: str, numbers: Sequence[str]) -> None:
    pairs = zip(("1", "2", "4"), numbers, strict=True)
    assert only(scored(said(tmp_path, "Some_Task", [metric], *pairs))).value == 0.0


NUMBERS = st.integers(-4, 4).map(float)
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=12)


def marks_of(metric: str, points: Sequence[tuple[float, float | None]]) -> list[Mark]:
    return [make_mark(str(i), label, metric=metric, number=number) for i, (label, number) in enumerate(points)]


@given(POINTS)
def test_kendall_counts_pairs(points: Sequence[tuple[float, float]]) -> None:
    order, ties = 0.0, [0, 0]
    for one, other in combinations(points, 2):
        signs = [np.sign(a - b) for a, b in zip(one, other, strict=True)]
        order += signs[0] * signs[1]
        ties = [count + (sign != 0) for count, sign in zip(ties, signs, strict=True)]
    expected = order / math.sqrt(ties[0] * ties[1]) if all(ties) else 0.0
    assert kendall_correlation(*np.array(points).T) == pytest.approx(expected)


@given(POINTS)
def test_ranks_do_not_change_when_numbers_are_stretched_or_shifted(points: Sequence[tuple[float, float]]) -> None:
    labels, numbers = np.array(points).T
    assert rank_correlation(labels, numbers) == pytest.approx(rank_correlation(np.exp(labels), 10 * numbers**3 - 7))


@given(POINTS, st.integers(0, 5), st.integers(1, 5), st.sampled_from([*STATISTICS]))
def test_more_without_a_number_is_never_better(
    points: Sequence[tuple[float, float]], some: int, more: int, metric: str
) -> None:
    fewer, greater = (
        STATISTICS[metric](marks_of(metric, [*points, *[(9.0, None)] * count])) for count in (some, some + more)
    )
    assume(metric in ERRORS or fewer >= 0)
    share = (len(points) + some) / (len(points) + some + more)
    assert greater == pytest.approx(fewer / share if metric in ERRORS else fewer * share)
    assert greater >= fewer if metric in ERRORS else greater <= fewer


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS | st.none()), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
    st.sampled_from([*STATISTICS]),
)
def test_the_order_of_marks_changes_no_figure(
    points: Sequence[tuple[float, float | None]], random: Any, metric: str
) -> None:
    marks = marks_of(metric, points)
    shuffled = random.sample(marks, len(marks))
    assert STATISTICS[metric](shuffled) == pytest.approx(STATISTICS[metric](marks), nan_ok=True, abs=1e-12)


@given(st.lists(st.tuples(*[st.floats(-1e100, 1e100)] * 2), min_size=1, max_size=5), st.sampled_from([*STATISTICS]))
def test_any_numbers_that_are_read_have_a_figure(points: Sequence[tuple[float, float]], metric: str) -> None:
    found = STATISTICS[metric](marks_of(metric, points))
    assert math.isfinite(found)
    assert metric in ERRORS or -1 <= found <= 1
