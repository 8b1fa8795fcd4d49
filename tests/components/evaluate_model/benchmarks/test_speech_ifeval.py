import json
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.errors import ConfigurationError, SourceError
from components.evaluate_model.benchmarks.comparison import Difference, relate
from components.evaluate_model.benchmarks.judging import Question
from components.evaluate_model.benchmarks.mmau import MMAU
from components.evaluate_model.benchmarks.records import Outcome
from components.evaluate_model.benchmarks.rows import Row
from components.evaluate_model.benchmarks.scoring import Result, read_material, score
from components.evaluate_model.benchmarks.speech_ifeval import (
    SPEECH_IFEVAL,
    SYSTEM_PROMPT,
    items_of,
    reference_prompt,
    verdict_in,
)
from components.evaluate_model.score import main
from tests.components.evaluate_model.benchmarks.judges import Scripted

AUDIO = {"audio_filepath": "MMAU/a.wav", "textual_audio": "[00:00 - 00:02] Hi. (Gender: Male)", "dataset": "MMAU"}
REASONED = Scripted(lambda question: f"Well. Result: {'YES' if 'because' in question.prompt else 'NO'}")


def closed(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A row whose response is right."""
    values = {
        "id": number,
        **AUDIO,
        "instruction": "Who speaks?\nWrap it in JSON.",
        "metric": "accuracy",
        "instruction_id_list": ["detectable_format:json_format"],
        "kwargs": [{}],
        "label": "Man",
        "response": '```json\n{"who": "man"}\n```',
    }
    return {name: value for name, value in {**values, **changes}.items() if value is not ...}


def creative(number: int = 934, **changes: Any) -> dict[str, Any]:
    """A row whose response is right."""
    constraint = {"instruction_id_list": ["detectable_format:number_bullet_lists"], "kwargs": [{"num_bullets": 2}]}
    values = {"metric": "open", "label": ..., "instruction": "List two.", "response": "1. a\n2. b", **constraint}
    return closed(number, **{**values, **changes})


def thought(instruction: str = "Who? Think.", **changes: Any) -> dict[str, Any]:
    """A row whose response is right by `REASONED`, and that has no id, as in the official file."""
    values = {"metric": "cot", "instruction": instruction, "response": "A man, because it is low."}
    none = {"instruction_id_list": ..., "kwargs": ..., "label": ..., "id": ...}
    return closed(**{**none, **values, **changes})


def write(file: Path, *rows: dict[str, Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def scored(folder: Path, *rows: dict[str, Any], judge: Scripted | None = REASONED, data: Path | None = None) -> Result:
    material = read_material(SPEECH_IFEVAL, write(folder / "all.jsonl", *rows), data)
    return score(SPEECH_IFEVAL, material, judge, post="as-it-is", seed=1, resamples=200)


def figures(result: Result) -> dict[str, float]:
    return {each.name: each.value for each in result.figures}


def test_the_rate_is_the_mean_of_three_whatever_their_sizes(tmp_path: Path) -> None:
    rows = [closed(0), closed(1, response="man"), closed(2), closed(3), creative(response="* a"), thought()]
    assert figures(scored(tmp_path, *rows)) == {
        "closed-ended": 0.75,
        "constraint: json_format": 0.75,
        "closed-ended: MMAU": 0.75,
        "creative": 0.0,
        "constraint: bullet_lists": 0.0,
        "creative: MMAU": 0.0,
        "chain-of-thought": 1.0,
        "chain-of-thought: MMAU": 1.0,
        "IFrate": pytest.approx(1.75 / 3),
    }


@pytest.mark.parametrize("rows", [[closed(), creative()], [closed(), thought()], [creative(), thought()]])
def test_there_is_no_rate_without_all_three(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    assert "IFrate" not in figures(scored(tmp_path, *rows))


def test_without_a_judge_chains_of_thought_are_unmarked_and_there_is_no_rate(tmp_path: Path) -> None:
    result = scored(tmp_path, closed(), creative(), thought(), judge=None)
    assert result.unmarked == 1
    assert figures(result).keys().isdisjoint({"chain-of-thought", "IFrate"})


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("Result: YES", True),
        ("It reasons.\nresult:no", False),
        ("**Result: No**", False),
        ("Result: YES. Not Result: NO", True),
        ("Yes", None),
        ("Result: yesterday", None),
        ("", None),
    ],
)
def test_a_verdict_is_read_from_what_the_judge_says(reply: str, *, verdict: bool | None) -> None:
    assert verdict_in(reply) is verdict


def test_a_reply_without_verdict_counts_as_no_and_is_reported(tmp_path: Path) -> None:
    result = scored(tmp_path, thought("a"), thought("b"), judge=Scripted(lambda _: "Hard to tell"))
    (figure,) = (each for each in result.figures if each.name == "chain-of-thought")
    assert (figure.value, figure.items, figure.outcomes) == (0.0, 2, {Outcome.UNPARSED: 2})
    assert result.marks[0].detail == "Hard to tell"


def test_the_judge_sees_request_and_response_once_each_and_never_an_empty_one(tmp_path: Path) -> None:
    judge = Scripted(lambda _: "Result: YES")
    rows = [thought("Why? Think."), thought("Who? Think.", response=" "), thought("What?", response=...)]
    result = scored(tmp_path, closed(), *rows, judge=judge)
    (asked,) = judge.asked
    assert "Why? Think." in asked.prompt
    assert "A man, because it is low." in asked.prompt
    assert asked == Question(system=asked.system, prompt=asked.prompt, temperature=1.0)
    assert [mark.outcome for mark in result.marks[2:]] == [Outcome.EMPTY, Outcome.MISSING]
    assert figures(result)["chain-of-thought"] == pytest.approx(1 / 3)


def test_an_empty_response_follows_nothing(tmp_path: Path) -> None:
    comma: dict[str, Any] = {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
    result = scored(tmp_path, closed(response="", **comma), creative(response="\n", **comma))
    assert [(mark.value, mark.outcome) for mark in result.marks] == [(0.0, Outcome.EMPTY)] * 2


def test_all_constraints_of_an_item_have_to_be_followed(tmp_path: Path) -> None:
    both: dict[str, Any] = {
        "instruction_id_list": ["startend:quotation", "keywords:existence"],
        "kwargs": [{}, {"keywords": ["cat"]}],
    }
    result = scored(tmp_path, closed(0, response='"cat"', **both), closed(1, response="cat", **both))
    assert [mark.value for mark in result.marks] == [1.0, 0.0]
    assert result.marks[1].detail == "breaks startend:quotation"
    assert figures(result)["constraint: wrapping"] == figures(result)["constraint: keywords"] == 0.5


def test_a_chain_of_thought_is_told_by_what_it_asks_about_which_audio() -> None:
    rows = [thought(), thought(), thought("Else?"), thought(audio_filepath="MMAU/b.wav"), thought(response="?", id=3)]
    ids = [item.item_id for row in rows for item in items_of(Row("here", row))]
    assert len(set(ids)) == 3
    assert ids[0] == ids[1] == ids[4]
    assert ids[0].startswith("chain-of-thought-")


def test_items_of_several_files_with_one_id_are_several(tmp_path: Path) -> None:
    assert [mark.item_id for mark in scored(tmp_path, closed(7), creative(7)).marks] == ["closed-ended-7", "creative-7"]


def test_an_item_is_asked_as_upstream_asks_it() -> None:
    (item,) = items_of(Row("here", closed()))
    assert (item.system_prompt, item.instruction) == (SYSTEM_PROMPT, "Who speaks?\nWrap it in JSON.")
    assert item.audio == ("audios/MMAU/a.wav",)


@pytest.mark.parametrize("name", ["textual_audio", "seed_transcript"])
def test_the_reference_system_reads_what_others_hear(name: str) -> None:
    row = Row("here", {name: "[00:00] Hi.", "instruction": "Who?\nSay it."})
    assert reference_prompt(row) == "Speech Input: [00:00] Hi.\n\nWho?\nSay it."


@pytest.mark.parametrize("place", ["", "eval_data"])
def test_items_of_the_official_files_without_a_prediction_are_wrong(tmp_path: Path, place: str) -> None:
    data = tmp_path / "data"
    write(data / place / "closed_ended_questions.jsonl", closed(0, response=...), closed(1, response=...))
    write(data / place / "creative_writing.jsonl", creative(response=...))
    write(data / place / "closed_ended_questions-woprompt.jsonl", closed(0, instruction_id_list=...))
    result = scored(tmp_path, closed(0), data=data)
    assert result.missing == ("closed-ended-1", "creative-934")
    assert (figures(result)["closed-ended"], figures(result)["creative"]) == (0.5, 0.0)


def test_a_folder_without_the_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"has none of closed_ended_questions\.jsonl, creative_writing\.jsonl, chain"):
        scored(tmp_path, closed(), data=tmp_path / "nowhere")


def test_the_export_is_the_official_files_as_they_were_read(tmp_path: Path) -> None:
    rows = [closed(0, response="Ja, schön"), creative(), closed(1, response=...)]
    material = read_material(SPEECH_IFEVAL, write(tmp_path / "all.jsonl", *rows), None)
    said = {item_id: prediction.response for item_id, prediction in material.predictions.items()}
    found = SPEECH_IFEVAL.export(list(material.entries.values()), said)
    assert {name: [json.loads(line) for line in text.splitlines()] for name, text in found.items()} == {
        "closed_ended_questions.jsonl": rows[:1],
        "creative_writing.jsonl": rows[1:2],
    }


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (closed(1, metric="bleu"), "line 2: the metric 'bleu' is none of accuracy, wer, open, cot"),
        (closed(1, metric=...), "line 2: no 'metric'"),
        (closed(1, instruction_id_list=...), "line 2: no 'instruction_id_list'; tasks without one are scored as"),
        (closed(1, instruction_id_list=["x"]), "line 2: no rule for the constraint 'x'"),
        (closed(1, kwargs=[{"a": 1}]), "line 2: detectable_format:json_format has no argument 'a'"),
        (closed(1, id=...), "line 2: 'id' is None, want a number or a text"),
        (closed(1, id=True), "line 2: 'id' is True, want a number or a text"),
        (closed(0), "line 2: item 'closed-ended-0' is there twice"),
        (closed(1, audio_filepath=...), "line 2: no 'audio_filepath'"),
        (closed(1, response=["a"]), "line 2: 'response' is no text but ['a']"),
    ],
)
def test_a_malformed_row_is_one_line_that_names_file_and_row(tmp_path: Path, row: dict[str, Any], line: str) -> None:
    with pytest.raises(SourceError) as caught:
        scored(tmp_path, closed(0), row)
    assert str(caught.value).startswith(f"{tmp_path / 'all.jsonl'}: {line}")
    assert "\n" not in str(caught.value)


def rows_of(*closed_ended: bool) -> list[dict[str, Any]]:
    """A row for each closed-ended response that is to be right or wrong, each of its own audio, and two right ones."""
    some = enumerate(closed_ended)
    answers = [closed(n, audio_filepath=f"{n}.wav", response="{}" if right else "no") for n, right in some]
    return [*answers, creative(), thought()]


def related(folder: Path, ours: list[dict[str, Any]], reference: list[dict[str, Any]]) -> Difference:
    (found,) = relate(SPEECH_IFEVAL, scored(folder, *ours), scored(folder, *reference))
    return found


def test_delta_is_what_is_lost_as_a_part_of_what_the_reference_has(tmp_path: Path) -> None:
    found = related(tmp_path, rows_of(True, False, False, False), rows_of(True, True, True, False))
    assert found.name == "delta"
    assert found.value == pytest.approx((2.25 - 2.75) / 2.75)
    assert found.low <= found.value <= found.high <= 0
    assert (found.low < found.high, found.better) == (True, False)


def test_delta_against_itself_is_nothing_and_sure(tmp_path: Path) -> None:
    rows = rows_of(True, False, True)
    found = related(tmp_path, rows, rows)
    assert (found.value, found.low, found.high, found.better, found.worse) == (0, 0, 0, False, False)


def test_what_is_lost_for_sure_is_worse(tmp_path: Path) -> None:
    found = related(tmp_path, rows_of(False, False), rows_of(True, True))
    assert found.high == pytest.approx(-1 / 3)
    assert (found.worse, found.better) == (True, False)


def test_delta_is_paired_and_so_surer_than_two_figures_apart(tmp_path: Path) -> None:
    right = [True, False] * 15
    found = related(tmp_path, rows_of(*right, False, False), rows_of(*right, True, True))
    apart = next(each for each in scored(tmp_path, *rows_of(*right, True, True)).figures if each.name == "IFrate")
    assert found.high - found.low < (apart.high - apart.low) / apart.value


def test_nothing_relates_to_a_reference_that_follows_nothing(tmp_path: Path) -> None:
    nothing = [closed(response="no"), creative(response="no"), thought(response="no")]
    ours = [closed(), creative(), thought()]
    assert relate(SPEECH_IFEVAL, scored(tmp_path, *ours), scored(tmp_path, *nothing)) == ()


def test_delta_needs_the_rate_of_both(tmp_path: Path) -> None:
    result = scored(tmp_path, closed(), creative())
    assert relate(SPEECH_IFEVAL, result, result) == ()


def test_delta_needs_the_same_items(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="results cannot be compared: items"):
        related(tmp_path, rows_of(True), rows_of(True, True))


def test_a_benchmark_without_reference_relates_to_none(tmp_path: Path) -> None:
    result = scored(tmp_path, closed())
    with pytest.raises(ConfigurationError, match="benchmark mmau: relates nothing to a reference system"):
        relate(MMAU, result, result)


def test_the_command_relates_a_result_to_that_of_the_reference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "components.evaluate_model.score.score",
        lambda benchmark, material, _, **settings: score(benchmark, material, REASONED, **settings),
    )
    ours, theirs = write(tmp_path / "a.jsonl", *rows_of(True, False)), write(tmp_path / "b.jsonl", *rows_of(True, True))
    main(["speech-ifeval", "--predictions", str(theirs), "--out", str(tmp_path / "b.json")])
    capsys.readouterr()
    main(["speech-ifeval", "--predictions", str(ours), "--reference", str(tmp_path / "b.json"), "--json"])
    (found,) = json.loads(capsys.readouterr().out)["related"]
    assert (found["name"], found["value"]) == ("delta", pytest.approx(-0.5 / 3))
