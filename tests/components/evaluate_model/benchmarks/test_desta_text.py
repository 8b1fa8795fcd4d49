import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.desta_text import DESTA_TEXT, SHIPPED, items_of
from components.evaluate_model.benchmarks.records import Outcome, Prediction
from components.evaluate_model.benchmarks.rows import Row
from components.evaluate_model.benchmarks.scoring import Material, read_items, score

ENTRIES = read_items(DESTA_TEXT, SHIPPED)


def test_the_questions_that_ship_are_in_words_and_have_rules() -> None:
    assert len(ENTRIES) == 20
    assert all(entry.item.constraints and not entry.item.audio for entry in ENTRIES.values())


def test_the_figure_is_the_share_of_rules_that_are_followed() -> None:
    # 018 wants small letters and no comma: this answer follows the second rule alone.
    said = {"018": Prediction(item_id="018", response="Music is Loud.")}
    result = score(DESTA_TEXT, Material({"018": ENTRIES["018"]}, said), None, post="as-it-is", seed=1, resamples=100)
    assert [(figure.name, figure.value) for figure in result.figures] == [("desta-text", 0.5)]


@given(st.text())
def test_any_answer_has_a_mark_between_nothing_and_all(response: str) -> None:
    for entry in ENTRIES.values():
        mark = DESTA_TEXT.mark(entry.item, response, ())
        assert 0 <= (mark.value or 0.0) <= mark.weight
        assert (mark.outcome is Outcome.EMPTY) == (not response.strip())


def test_a_question_without_a_rule_is_one_line() -> None:
    with pytest.raises(SourceError, match="x: 'instruction_id_list' is empty; want at least one"):
        items_of(Row("x", {"key": "1", "prompt": "?", "instruction_id_list": [], "kwargs": []}))
