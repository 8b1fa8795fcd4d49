import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.comparison import compare
from components.evaluate_model.benchmarks.judging import Question
from components.evaluate_model.benchmarks.records import Mark, Outcome
from components.evaluate_model.benchmarks.rows import Row
from components.evaluate_model.benchmarks.sakura import HOPS, SAKURA, TRACKS, judgement_in, question_of, settle
from components.evaluate_model.benchmarks.scoring import Result, read_items, read_material, score
from tests.components.evaluate_model.benchmarks.judges import Scripted

RIGHT = "Explanation: It names German.\nJudgement: correct"
WRONG = "Explanation: It names two options.\nJudgement: incorrect"


def by_the_word(question: Question) -> str:
    said = re.search(r"Answer of the model: (.*)", question.prompt)
    return {"right": RIGHT, "wrong": WRONG}.get(said[1] if said else "", "I cannot say.")


def clip(**changes: Any) -> dict[str, str]:
    values = {
        "attribute_label": "German",
        "single_instruction": "Which language is it? (a) English (b) German",
        "single_answer": " (b) German",
        "multi_instruction": "Where is it spoken? (a) Ghana (b) Austria",
        "multi_answer": "(b) Austria",
    }
    return {name: value for name, value in {**values, **changes}.items() if value is not ...}


def metadata(folder: Path, track: str = "Language", **clips: dict[str, str]) -> Path:
    file = folder / "data" / track / "metadata.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({f"data/{track}/audio/{name}.wav": found for name, found in clips.items()}))
    return folder


def predictions(folder: Path, hop: str, track: str = "Language", **responses: str | None) -> Path:
    instruction, label = ("Which language is it? (a) English (b) German", "(b) German")
    if hop == "multi":
        instruction, label = ("Where is it spoken? (a) Ghana (b) Austria", "(b) Austria")
    results = {
        f"/home/me/SAKURA/{name}.wav": {"instruction": instruction, "response": response, "label": label}
        for name, response in responses.items()
    }
    file = folder / f"{track}-{hop}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"attribute": track, "type": hop, "results": results}))
    return file


def scored(path: Path, data: Path | None = None, judge: Scripted | None = None) -> Result:
    judge = judge or Scripted(by_the_word)
    return score(SAKURA, read_material(SAKURA, path, data), judge, post="as-it-is", seed=1, resamples=200)


def figures(result: Result) -> dict[str, float]:
    return {each.name: each.value for each in result.figures}


def test_a_row_of_metadata_is_two_items_without_the_spaces_before_an_answer(tmp_path: Path) -> None:
    items = [entry.item for entry in read_items(SAKURA, metadata(tmp_path, a=clip())).values()]
    assert [(item.item_id, item.subset, item.label) for item in items] == [
        ("Language/single/a.wav", "Language single", "(b) German"),
        ("Language/multi/a.wav", "Language multi", "(b) Austria"),
    ]
    assert {item.audio for item in items} == {("data/Language/audio/a.wav",)}


def test_predictions_made_elsewhere_are_of_the_same_items(tmp_path: Path) -> None:
    data = metadata(tmp_path, a=clip(), b=clip())
    said = predictions(tmp_path / "said", "single", a="right", b="wrong")
    alone = read_material(SAKURA, said, None).items
    official = read_items(SAKURA, data)
    assert all(item == official[item_id].item for item_id, item in alone.items())


def test_a_folder_of_runs_is_scored_as_one_and_its_gaps_are_wrong(tmp_path: Path) -> None:
    data = metadata(tmp_path, a=clip(), b=clip(), c=clip(), d=clip())
    predictions(tmp_path / "said", "single", a="right", b="right", c="wrong", d=None)
    predictions(tmp_path / "said", "multi", a="right", b="wrong", d="right")
    result = scored(tmp_path / "said", data)
    assert figures(result) == {"Language single": 0.5, "Language multi": 0.5, "Language multi | single": 0.5}
    assert result.missing == ("Language/multi/c.wav", "Language/single/d.wav")


def test_multi_given_single_leaves_out_clips_that_were_not_understood(tmp_path: Path) -> None:
    predictions(tmp_path, "single", a="right", b="wrong", c="wrong")
    predictions(tmp_path, "multi", a="wrong", b="right", c="right")
    assert figures(scored(tmp_path))["Language multi | single"] == 0.0


def test_without_a_right_single_answer_there_is_no_multi_given_single(tmp_path: Path) -> None:
    predictions(tmp_path, "single", a="wrong")
    predictions(tmp_path, "multi", a="right")
    assert figures(scored(tmp_path)) == {"Language multi": 1.0, "Language single": 0.0}


def test_the_same_file_name_in_two_tracks_is_two_clips(tmp_path: Path) -> None:
    predictions(tmp_path, "single", "Animal", a="right")
    predictions(tmp_path, "multi", "Gender", a="right")
    assert "Gender multi | single" not in figures(scored(tmp_path))


def test_means_are_there_only_over_all_four_tracks(tmp_path: Path) -> None:
    for track in TRACKS[:3]:
        predictions(tmp_path, "single", track, a="right")
    assert "single" not in figures(scored(tmp_path))
    predictions(tmp_path, "single", TRACKS[3], a="right", b="wrong")
    assert figures(scored(tmp_path))["single"] == (3 + 0.5) / 4
    assert "multi" not in figures(scored(tmp_path))


def test_an_unparsed_judgement_stays_in_the_denominator_and_is_counted(tmp_path: Path) -> None:
    result = scored(predictions(tmp_path, "single", a="right", b="who knows"))
    (figure,) = result.figures
    assert (figure.value, figure.items, figure.outcomes[Outcome.UNPARSED]) == (0.5, 2, 1)


def test_without_a_judge_nothing_is_marked(tmp_path: Path) -> None:
    material = read_material(SAKURA, predictions(tmp_path, "single", a="right"), None)
    result = score(SAKURA, material, None, post="as-it-is", seed=1, resamples=10)
    assert (result.figures, result.unmarked) == ((), 1)


def test_the_judge_is_asked_with_all_that_it_needs_and_drawn_officially(tmp_path: Path) -> None:
    judge = Scripted(by_the_word)
    scored(predictions(tmp_path, "single", a="{right} or %s"), judge=judge)
    (question,) = judge.asked
    assert (question.temperature, question.top_p, question.max_tokens, question.draws) == (0.0, 0.9, 1024, 1)
    assert all(part in question.prompt for part in ("(a) English (b) German", ": (b) German\n", ": {right} or %s\n"))


@pytest.mark.parametrize(
    ("reply", "judgement"),
    [
        (RIGHT, True),
        (WRONG, False),
        ("Explanation: a\nJudgement: Correct.", True),
        ('Explanation: a\n**Judgement:** "incorrect"', False),
        ("Judgment: correct", True),
        ("Explanation: it is correct", None),
        ("Judgement: not correct", None),
        ("Judgement: correct or incorrect", None),
        ("Judgement: correct\nJudgement: incorrect", None),
        ("Judgement: incorrectly put", None),
        ("correct", None),
        ("", None),
    ],
)
def test_a_judgement_is_a_line_of_its_own(reply: str, *, judgement: bool | None) -> None:
    assert judgement_in(reply) is judgement


def test_an_export_is_scored_like_what_was_read(tmp_path: Path) -> None:
    predictions(tmp_path / "said", "single", a="right", b="wrong")
    predictions(tmp_path / "said", "multi", "Animal", a="wrong")
    material = read_material(SAKURA, tmp_path / "said", None)
    said = {item_id: prediction.response for item_id, prediction in material.predictions.items()}
    written = SAKURA.export(list(material.entries.values()), said)
    for name, text in written.items():
        (tmp_path / name).write_text(text)
    assert sorted(written) == ["Animal_multi.json", "Language_single.json"]
    again = read_material(SAKURA, tmp_path, None)
    assert (again.items, again.predictions) == (material.items, material.predictions)


def test_two_results_are_compared_on_each_figure(tmp_path: Path) -> None:
    predictions(tmp_path / "ours", "single", a="right", b="right")
    predictions(tmp_path / "theirs", "single", a="wrong", b="wrong")
    (change,) = compare(SAKURA, scored(tmp_path / "ours"), scored(tmp_path / "theirs"))
    assert (change.name, change.value, change.better) == ("Language single", 1.0, True)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", "is empty"),
        ("{", "no JSON"),
        ({"attribute": "Gender", "results": {}}, "no 'type'; a prediction file of SAKURA has"),
        ({"attribute": "Gender", "type": "single", "results": 3}, "want a list or an object of rows, got 3"),
        ({"attribute": "Gender", "type": "single", "results": {"a": 3}}, "'a': want an object, got 3"),
        ({"attribute": "Age", "type": "single", "results": {"a": {}}}, "'a': attribute 'Age' is none of Gender, "),
        ({"attribute": "Gender", "type": "triple", "results": {"a": {}}}, "'a': type 'triple' is none of single, "),
        ({"attribute": 1, "type": "single", "results": {"a": {}}}, "'a': 'attribute' is no text but 1"),
        ({"attribute": "Gender", "type": "multi", "results": {"a": {"response": "x"}}}, "'a': no 'instruction'"),
        ({"attribute": "Gender", "type": "multi", "results": [{"response": "x"}]}, "row 1: has no key"),
        ({"a.wav": clip()}, "'a.wav': no 'attribute'"),
    ],
)
def test_a_malformed_file_is_one_line(tmp_path: Path, content: Any, line: str) -> None:
    file = tmp_path / "predictions.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(SourceError, match=re.escape(line)) as caught:
        read_material(SAKURA, file, None)
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("name", ["multi_answer", "single_instruction"])
def test_metadata_without_a_field_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match=rf"metadata\.json: 'data/Language/audio/a\.wav': no '{name}'"):
        read_items(SAKURA, metadata(tmp_path, a=clip(**{name: ...})))


def test_one_run_twice_is_an_error(tmp_path: Path) -> None:
    file = predictions(tmp_path, "single", a="right")
    (tmp_path / "copy.json").write_text(file.read_text())
    with pytest.raises(SourceError, match=r"item 'Language/single/a\.wav' is there twice"):
        scored(tmp_path)


def test_a_folder_without_predictions_or_data_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(SourceError, match=r"has no \.json, \.jsonl or \.ndjson file"):
        scored(tmp_path)
    with pytest.raises(SourceError, match="name the folder of SAKURA's files"):
        read_items(SAKURA, tmp_path)


ANSWERS = st.dictionaries(st.sampled_from("abcdef"), st.tuples(*[st.sampled_from([0.0, 1.0, None])] * 2), min_size=1)


@given(ANSWERS, st.randoms(use_true_random=False))
def test_multi_given_single_is_that_of_the_pairs_in_any_order(
    answers: dict[str, tuple[float | None, float | None]], random: Any
) -> None:
    rows = {hop: {"attribute": "Gender", "type": hop} for hop in HOPS}
    items, marks = {}, []
    for name, values in answers.items():
        for hop, value in zip(HOPS, values, strict=True):
            row = Row("x", {**rows[hop], "instruction": "?", "label": "(a)"}, name)
            (item,) = SAKURA.items_of(row)
            items[item.item_id] = item
            marks.append(
                Mark(
                    item_id=item.item_id,
                    metric="accuracy",
                    cluster=item.audio[0],
                    groups=(item.subset,),
                    outcome=Outcome.MARKED,
                    value=value,
                )
            )
    random.shuffle(marks)
    counted = [m.value for m in settle(items, marks, 0) if "Gender multi | single" in m.groups and m.value is not None]
    expected = [multi for single, multi in answers.values() if single == 1.0 and multi is not None]
    assert (len(counted), sum(counted)) == (len(expected), sum(expected))


@given(st.text(), st.text(min_size=1))
def test_any_response_can_be_asked_about(response: str, label: str) -> None:
    item = SAKURA.items_of(Row("x", {"attribute": "gender", "type": "multi", "instruction": "?", "label": "l"}, "a"))[0]
    assert response in question_of(item.model_copy(update={"label": label}), response).prompt
