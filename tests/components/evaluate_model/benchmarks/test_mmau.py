import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.mmau import MMAU, asked, is_right, words_of
from components.evaluate_model.benchmarks.records import Outcome
from components.evaluate_model.benchmarks.scoring import Result, read_material, score

MAN = {"choices": ["Man", "Woman", "A child"], "answer": "Man", "model_output": "Man"}


def row(item_id: str = "a", **changes: Any) -> dict[str, Any]:
    values = {
        "id": item_id,
        "audio_id": f"./test-mini-audios/{item_id}.wav",
        "question": "Who speaks?",
        "task": "speech",
        "difficulty": "easy",
        "category": ["Reasoning"],
        "sub-category": "Speaker Identification",
        **MAN,
    }
    return {name: value for name, value in {**values, **changes}.items() if value is not ...}


def scored(folder: Path, *rows: dict[str, Any], data: Path | None = None, post: str = "as-it-is") -> Result:
    file = folder / "predictions.json"
    file.write_text(json.dumps(rows))
    return score(MMAU, read_material(MMAU, file, data), None, post=post, seed=1, resamples=200)


def figure(result: Result, name: str = "mmau") -> float:
    return next(each.value for each in result.figures if each.name == name)


@pytest.mark.parametrize(
    ("answer", "choices", "response", "right"),
    [
        ("Man", ["Man", "Woman"], "It is a MAN.", True),
        ("Man", ["Man", "Woman"], "A man, not a woman", False),
        ("Man", ["Man", "Woman"], "manly", False),
        ("A child", ["A child", "A woman"], "child", False),
        ("A child", ["A child", "A woman"], "a child", True),
        ("The cat", ["The cat", "The dog"], "the cat and the dog", False),
        ("Man", ["Man", "The robot"], "the man", False),
        ("Two men", ["Two men", "Two women"], "men two", True),
        ("Man", ["Man", "man"], "man", True),
        ("Man", ["Man", "Woman"], "", False),
        ("Man", ["Man", "Woman"], "!?", False),
    ],
)
def test_a_response_is_right_by_its_words(answer: str, choices: list[str], response: str, *, right: bool) -> None:
    assert is_right(answer, choices, response) is right


def test_the_prefix_costs_points_where_a_wrong_choice_shares_its_words(tmp_path: Path) -> None:
    collides = row("a", choices=["Man", "The robot"], model_output="The correct answer is: Man")
    fine = row("b", model_output="The correct answer is: Man")
    assert figure(scored(tmp_path, collides, fine)) == 0.5
    assert figure(scored(tmp_path, collides, fine, post="without-prefix")) == 1.0


def test_the_post_processing_is_part_of_the_key(tmp_path: Path) -> None:
    keys = {scored(tmp_path, row(), post=post).key for post in MMAU.post}
    assert len(keys) == len(MMAU.post) == 2


def test_an_item_without_prediction_is_wrong_and_reported(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mmau-test-mini.json").write_text(json.dumps([row("a"), row("b", model_output=...)]))
    result = scored(tmp_path, row("a"), data=tmp_path / "data")
    assert (figure(result), result.missing) == (0.5, ("b",))


def test_what_the_official_script_skips_is_reported(tmp_path: Path) -> None:
    result = scored(tmp_path, row("a"), row("b", model_output=...))
    assert (figure(result), result.missing) == (0.5, ("b",))


def test_an_item_of_the_test_split_is_left_to_the_server(tmp_path: Path) -> None:
    result = scored(tmp_path, row(answer=...))
    assert (result.figures, result.unmarked, result.marks[0].outcome) == ((), 1, Outcome.UNMARKED)


def test_figures_are_there_by_task_difficulty_and_sub_category(tmp_path: Path) -> None:
    result = scored(tmp_path, row("a"), row("b", task="sound", difficulty="hard", model_output="Woman"))
    values = {each.name: each.value for each in result.figures}
    assert values == {
        "mmau": 0.5,
        "speech": 1.0,
        "difficulty: easy": 1.0,
        "sub-category: Speaker Identification": 0.5,
        "sound": 0.0,
        "difficulty: hard": 0.0,
    }


def test_a_question_is_asked_as_upstream_asks_it() -> None:
    assert asked("Who?", ["A", "B", "C"]) == 'Who? Choose one of the following options: "A", "B" or "C"'


def test_the_export_is_scored_like_what_was_read(tmp_path: Path) -> None:
    file = tmp_path / "predictions.json"
    file.write_text(json.dumps([row("a", model_output="Woman"), row("b")]))
    material = read_material(MMAU, file, None)
    said = {item_id: prediction.response for item_id, prediction in material.predictions.items()}
    (text,) = MMAU.export(list(material.entries.values()), said).values()
    assert json.loads(text) == json.loads(file.read_text())


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", "is empty"),
        ("{", "no JSON"),
        ("[1]", "row 1: want an object, got 1"),
        ("7", "want a list or an object of rows, got 7"),
        (json.dumps([row(id=...)]), "row 1: no 'id'"),
        (json.dumps([row(), row()]), "row 2: item 'a' is there twice"),
        (json.dumps([row(answer="Dog")]), "the answer 'Dog' is none of the choices"),
        (json.dumps([row(choices="Man")]), "'choices' is no list of texts but 'Man'"),
        (json.dumps([row(choices=["Man"])]), "'choices' has 1, want at least 2"),
        (json.dumps([row(id="")]), "row 1: 'id' is empty"),
        (json.dumps([row(model_output="\ud83d")]), "'model_output': '"),
        ("[]", "has no predictions"),
        (json.dumps([row(model_output=3)]), "'model_output' is no text but 3"),
        (json.dumps([{"item_id": "a", "response": "Man"}]), "name the benchmark's files with --data"),
    ],
)
def test_a_malformed_file_is_one_line(tmp_path: Path, content: str, line: str) -> None:
    file = tmp_path / "predictions.json"
    file.write_text(content)
    with pytest.raises(Exception, match=line.replace("(", r"\(")) as caught:
        read_material(MMAU, file, None)
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)


def test_two_predictions_of_one_item_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "mmau-test-mini.json").write_text(json.dumps([row("a")]))
    file = tmp_path / "said.jsonl"
    file.write_text('{"item_id": "a", "response": "Man"}\n{"item_id": "a", "response": "Woman"}\n')
    with pytest.raises(SourceError, match="line 2: item 'a' is there twice"):
        read_material(MMAU, file, tmp_path)


def test_a_prediction_of_no_item_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "mmau-test-mini.json").write_text(json.dumps([row("a")]))
    with pytest.raises(SourceError, match="item 'z' is not among the 1 of mmau"):
        scored(tmp_path, row("z"), data=tmp_path)


def test_a_folder_without_the_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"has neither mmau-test-mini\.json nor mmau-test\.json"):
        scored(tmp_path, row(), data=tmp_path / "nowhere")


WORDS = st.sampled_from(["a", "man", "the", "dog", "two", "women", "Robot"])
PHRASES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)


@given(st.lists(PHRASES, min_size=2, max_size=5, unique_by=words_of))
def test_the_right_choice_is_right_and_no_other(choices: list[str]) -> None:
    for response in choices:
        right = is_right(choices[0], choices, response)
        if response == choices[0]:
            assert right
        else:
            assert not right or words_of(response) >= words_of(choices[0])


@given(PHRASES, st.lists(PHRASES, min_size=1, max_size=4), st.lists(WORDS, max_size=6))
def test_case_order_and_repetition_decide_nothing(answer: str, wrong: list[str], said: list[str]) -> None:
    choices = [answer, *wrong]
    expected = is_right(answer, choices, " ".join(said))
    assert is_right(answer, choices, " ".join(reversed(said + said)).upper()) is expected
