from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.agreement import agreement, read_labels
from components.evaluate_model.benchmarks.records import Mark, Outcome
from tests.components.evaluate_model.benchmarks.marks import make_mark


def marks(*values: float | None) -> list[Mark]:
    return [make_mark(str(number), value) for number, value in enumerate(values)]


def labels(*values: float) -> dict[str, float]:
    return {str(number): value for number, value in enumerate(values)}


def test_agreement_is_that_of_an_example_worked_by_hand() -> None:
    """Both say 1 in 20 of 50, both say 0 in 15: 0.7 agree, 0.5 would by chance."""
    ours = [1.0] * 20 + [1.0] * 5 + [0.0] * 10 + [0.0] * 15
    theirs = [1.0] * 20 + [0.0] * 5 + [1.0] * 10 + [0.0] * 15
    found = agreement(marks(*ours), labels(*theirs))
    assert (found.items, found.share) == (50, 0.7)
    assert found.kappa == pytest.approx(0.4)


def test_opposite_verdicts_are_worse_than_chance() -> None:
    assert agreement(marks(1, 0), labels(0, 1)).kappa == -1


def test_kappa_is_undefined_where_all_say_the_same() -> None:
    found = agreement(marks(1, 1), labels(1, 1))
    assert (found.share, found.kappa) == (1, None)


def test_a_mean_of_ratings_counts_as_the_nearest_whole() -> None:
    assert agreement(marks(11 / 3, 13 / 3, 2.5, 1), labels(4, 4, 3, 2)).share == 0.75


def test_items_that_nobody_marked_do_not_count() -> None:
    unmarked = make_mark("1", None, outcome=Outcome.UNMARKED)
    missing = make_mark("2", 0.0, outcome=Outcome.MISSING)
    assert agreement([make_mark("0"), unmarked, missing], labels(1, 1, 1)).items == 1
    with pytest.raises(SourceError, match="none of the 2 labels is of an item that has a mark"):
        agreement([unmarked, missing], {"1": 1.0, "2": 0.0})


def test_a_label_of_no_item_is_an_error() -> None:
    with pytest.raises(SourceError, match="item 'other' is not among the 1 of the benchmark"):
        agreement(marks(1), {"0": 1.0, "other": 1.0})


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1))
def test_agreement_is_the_same_from_both_sides(pairs: list[tuple[int, int]]) -> None:
    ours, theirs = zip(*pairs, strict=True)
    there, back = agreement(marks(*ours), labels(*theirs)), agreement(marks(*theirs), labels(*ours))
    assert there == back
    assert there.kappa is None or there.kappa <= 1
    assert (there.kappa == 1) == (there.share == 1 and len(set(ours)) > 1)


def test_labels_are_read_from_lines(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text('{"item_id": "a", "value": 1}\n\n{"item_id": "b", "value": 0.0}\n')
    assert read_labels(file) == {"a": 1.0, "b": 0.0}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"item_id": "a"}', "line 1: want .*: value: Field required"),
        ('{"item_id": "a", "value": 1}\n{"item_id": "b", "value": "1"}', "line 2: want .*: value: "),
        ('{"item_id": "a", "value": 0.5}', "line 1: want .*: value: .*multiple"),
        ('{"item_id": "a", "value": 1, "why": "x"}', "line 1: want .*: why: "),
        ('{"item_id": "a", "value": 1}\n{"item_id": "a", "value": 1}', "line 2: item 'a' is there twice"),
        ("{", "line 1: no JSON"),
        ("", "is empty"),
    ],
)
def test_labels_that_are_none_are_one_line(tmp_path: Path, text: str, line: str) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text(text)
    with pytest.raises(SourceError, match=f"^{file}: {line}") as refused:
        read_labels(file)
    assert "\n" not in str(refused.value)
