from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluate_model.benchmarks.intervals import Bootstrap, Numbers, figures_of, values_of
from components.evaluate_model.benchmarks.records import Figure, Mark, Outcome
from tests.components.evaluate_model.benchmarks.marks import make_mark

BOOTSTRAP = Bootstrap(seed=1, resamples=400)


def figures(marks: Sequence[Mark]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures_of(marks, values_of(marks, BOOTSTRAP))}


def test_a_figure_is_the_ratio_of_the_sums() -> None:
    marks = [make_mark("a", 1.0, weight=4.0), make_mark("b", 2.0, weight=1.0)]
    assert figures(marks)["all"].value == pytest.approx(3 / 5)


def test_a_mark_without_value_does_not_count() -> None:
    marks = [make_mark("a"), make_mark("b", None, outcome=Outcome.UNMARKED)]
    assert (figures(marks)["all"].value, figures(marks)["all"].items) == (1.0, 1)


def test_a_figure_says_how_its_marks_came_about() -> None:
    marks = [make_mark("a"), make_mark("b", 0.0, outcome=Outcome.MISSING), make_mark("c", 0.0, outcome=Outcome.MISSING)]
    assert figures(marks)["all"].outcomes == {Outcome.MARKED: 1, Outcome.MISSING: 2}


def test_items_about_one_clip_widen_the_interval() -> None:
    def width(clusters: int) -> float:
        marks = [make_mark(str(n), float(n % 2), cluster=str(n % clusters)) for n in range(80)]
        found = figures(marks)["all"]
        return found.high - found.low

    assert width(8) > 2 * width(80)


def test_a_statistic_takes_the_place_of_the_ratio() -> None:
    marks = [make_mark(str(n), float(n), metric="largest") for n in range(5)]
    values = values_of(marks, BOOTSTRAP, statistics={"largest": lambda some: max(mark.value or 0 for mark in some)})
    assert values["all"][0] == 4.0
    assert set(values["all"]) <= {0.0, 1.0, 2.0, 3.0, 4.0}
    assert len(set(values["all"])) > 1


def test_composites_are_made_of_values_and_of_resamples_alike() -> None:
    def mean(of: Mapping[str, Numbers]) -> Mapping[str, Numbers]:
        return {"mean": (of["x"] + of["y"]) / 2}

    marks = [make_mark(str(n), float(n % 2), groups=("x",) if n < 10 else ("y",)) for n in range(20)]
    values = values_of(marks, BOOTSTRAP, mean)
    assert np.array_equal(values["mean"], (values["x"] + values["y"]) / 2)
    assert values["mean"].shape == (BOOTSTRAP.resamples + 1,)


MARKS = st.lists(
    st.tuples(st.integers(0, 30), st.floats(0, 1)), min_size=1, max_size=30, unique_by=lambda pair: pair[0]
).map(lambda pairs: [make_mark(f"{number:02}", value) for number, value in pairs])


@given(MARKS, st.randoms(use_true_random=False))
def test_the_order_of_marks_changes_nothing(marks: list[Mark], random: object) -> None:
    shuffled = sorted(marks, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert figures(marks)["all"].low == pytest.approx(figures(shuffled)["all"].low)
    assert figures(marks)["all"].high == pytest.approx(figures(shuffled)["all"].high)


@given(MARKS)
def test_the_interval_holds_the_figure_or_lies_in_the_range_of_the_marks(marks: list[Mark]) -> None:
    found = figures(marks)["all"]
    values = [mark.value or 0.0 for mark in marks]
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
