import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.records import Outcome
from components.evaluate_model.benchmarks.scoring import Result, read_items, read_material, score
from components.evaluate_model.benchmarks.voicebench.benchmark import SYSTEM_PROMPT, VOICEBENCH, composite
from components.evaluate_model.benchmarks.voicebench.subsets import subset_of
from tests.components.evaluate_model.benchmarks.judges import Scripted

MMSU, BBH = "m-mmsu-law-audio.jsonl", "m-bbh-test-audio.jsonl"
BLANK = {"prompt": "What?", "response": ""}


def write(folder: Path, name: str, *rows: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def scored(path: Path, data: Path | None = None, judge: Scripted | None = None, seed: int = 1) -> Result:
    return score(VOICEBENCH, read_material(VOICEBENCH, path, data), judge, post="as-it-is", seed=seed, resamples=100)


def figures(result: Result) -> dict[str, float]:
    return {each.name: each.value for each in result.figures}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("naive-alpacaeval-test-audio.jsonl", ("alpacaeval", "test")),
        ("result-my-model-alpacaeval_full-test-audio.jsonl", ("alpacaeval_full", "test")),
        ("m-sd-qa-ind_n-text.jsonl", ("sd-qa", "ind_n")),
        ("bbh-tuned-mmsu-law-audio.jsonl", ("mmsu", "law")),
        ("mmsu-law.jsonl", ("mmsu", "law")),
        ("advbench.jsonl", ("advbench", "test")),
        ("advbench-audio.jsonl", ("advbench", "test")),
        ("m-mtbench-test-audio.jsonl", None),
        ("m-alpacaeval_speaker-test-audio.jsonl", None),
        ("myadvbench.jsonl", None),
        ("advbench.json", None),
    ],
)
def test_the_name_of_a_file_tells_its_subset(name: str, found: tuple[str, str] | None) -> None:
    assert subset_of(Path(name)) == found


def test_a_request_is_in_the_audio_and_not_in_the_instruction(tmp_path: Path) -> None:
    write(tmp_path, "commoneval.jsonl", {"prompt": "Tell me a joke", "audio": "commoneval/1.wav"})
    (entry,) = read_items(VOICEBENCH, tmp_path).values()
    item = entry.item
    assert (item.instruction, item.spoken, item.audio) == ("", "Tell me a joke", ("commoneval/1.wav",))
    assert item.system_prompt == SYSTEM_PROMPT


def test_rows_are_named_by_their_id_or_by_what_is_asked(tmp_path: Path) -> None:
    write(tmp_path, "advbench.jsonl", BLANK, {**BLANK, "prompt": "How?"}, BLANK, {**BLANK, "key": 7})
    names = [item_id.removeprefix("advbench/test/") for item_id in read_items(VOICEBENCH, tmp_path)]
    assert names[2:] == [f"{names[0]}.2", "7"]
    assert names[0] != names[1]


def test_predictions_alone_and_with_data_are_of_the_same_items(tmp_path: Path) -> None:
    rows = [{"prompt": f"{n}?", "reference": "A"} for n in "abc"]
    write(tmp_path / "data", "mmsu-law.jsonl", *rows)
    said = write(tmp_path, MMSU, *[{**row, "response": "A"} for row in reversed(rows[1:])])
    result = scored(said, tmp_path / "data")
    assert figures(result) == {"mmsu": pytest.approx(2 / 3), "mmsu: law": pytest.approx(2 / 3)}
    assert len(result.missing) == 1


def test_choices_count_by_domain_and_guesses_are_visible(tmp_path: Path) -> None:
    write(tmp_path, MMSU, {"prompt": "a", "reference": "B", "response": "B."})
    write(tmp_path, "m-mmsu-history-audio.jsonl", {"prompt": "a", "reference": "C", "response": "Iron"})
    result = scored(tmp_path)
    (whole,) = [each for each in result.figures if each.name == "mmsu"]
    assert whole.outcomes == {Outcome.GUESSED: 1, Outcome.MARKED: 1}
    assert figures(result)["mmsu: law"] == 1.0


def test_guesses_are_right_about_a_quarter_of_the_time_and_change_with_the_seed(tmp_path: Path) -> None:
    file = write(tmp_path, MMSU, *[{"prompt": str(n), "reference": "B", "response": "Iron"} for n in range(400)])
    first, second = scored(file), scored(file, seed=2)
    assert 0.17 < figures(first)["mmsu"] < 0.33
    assert [mark.detail for mark in first.marks] != [mark.detail for mark in second.marks]
    assert {mark.detail for mark in first.marks} == {"A", "B", "C", "D"}


def test_a_missing_answer_is_wrong_and_no_guess(tmp_path: Path) -> None:
    rows = [{"prompt": str(n), "reference": "B"} for n in range(20)]
    result = scored(write(tmp_path, MMSU, *rows, {"prompt": "x", "reference": "B", "response": "B"}))
    assert figures(result)["mmsu"] == pytest.approx(1 / 21)


def test_bigbench_counts_by_task(tmp_path: Path) -> None:
    rows = [
        {"id": "navigate_1", "prompt": "?", "reference": "Yes", "response": "Yes."},
        {"id": "navigate_2", "prompt": "?", "reference": "no", "response": "Yes."},
        {"id": "hyperbaton_1", "prompt": "?", "reference": "(B)", "response": "The answer is (B)"},
    ]
    found = figures(scored(write(tmp_path, BBH, *rows)))
    assert found == {"bbh": pytest.approx(2 / 3), "bbh: navigate": 0.5, "bbh: hyperbaton": 1.0}


def test_an_empty_refusal_counts_and_a_missing_one_does_not(tmp_path: Path) -> None:
    rows = [{"prompt": "1", "response": ""}, {"prompt": "2"}, {"prompt": "3", "response": "Sure"}]
    result = scored(write(tmp_path, "m-advbench-test-audio.jsonl", *rows))
    (figure,) = result.figures
    assert figure.value == pytest.approx(1 / 3)
    assert figure.outcomes == {Outcome.EMPTY: 1, Outcome.MISSING: 1, Outcome.MARKED: 1}


def test_the_judge_rates_open_answers_and_votes_on_facts(tmp_path: Path) -> None:
    write(tmp_path, "m-wildvoice-test-audio.jsonl", {"prompt": "Hello", "response": "Hi"})
    write(tmp_path, "m-sd-qa-usa-audio.jsonl", {"prompt": "Who?", "reference": "Ada", "response": "Ada"})
    judge = Scripted(lambda question: ("yes", "no", "yes") if "Ada" in question.prompt else ("3", "4", "5"))
    assert figures(scored(tmp_path, judge=judge)) == {"wildvoice": 4.0, "sd-qa": 1.0, "sd-qa: usa": 1.0}
    assert scored(tmp_path).unmarked == 2


JSON, NO_COMMA = "detectable_format:json_format", "punctuation:no_comma"


def asked(key: int, response: str | None, *ids: str, **changes: Any) -> dict[str, Any]:
    kwargs = [{"num_words": None} for _ in ids]
    return {
        "key": key,
        "prompt": "?",
        "instruction_id_list": list(ids),
        "kwargs": kwargs,
        "response": response,
        **changes,
    }


def test_instructions_are_the_mean_of_four_rates(tmp_path: Path) -> None:
    rows = [
        asked(1, '{"a": 1}', JSON, NO_COMMA),  # all of 2, strictly and loosely
        asked(2, 'Here, you have it\n{"a": 1}', JSON, NO_COMMA),  # none of 2; all loosely, without the first line
        asked(3, "No never", JSON, NO_COMMA),  # one of 2
        asked(4, None, NO_COMMA),  # missing: none of 1
    ]
    result = scored(write(tmp_path, "m-ifeval-test-audio.jsonl", *rows))
    (figure,) = result.figures
    assert figure.value == pytest.approx((1 / 4 + 3 / 7 + 2 / 4 + 5 / 7) / 4)
    assert figure.outcomes == {Outcome.MARKED: 3, Outcome.MISSING: 1}


def test_an_empty_response_follows_nothing(tmp_path: Path) -> None:
    (figure,) = scored(write(tmp_path, "ifeval.jsonl", asked(1, " ", NO_COMMA))).figures
    assert (figure.value, figure.outcomes) == (0.0, {Outcome.EMPTY: 1})


def test_the_mark_of_a_turn_is_no_part_of_a_response(tmp_path: Path) -> None:
    (figure,) = scored(write(tmp_path, "ifeval.jsonl", asked(1, '<1> {"a": 1}', JSON))).figures
    assert figure.value == 1.0


ROW = (4.53, 4.04, 4.16, 0.7043, 0.6243, 0.7253, 0.6970, 0.6953, 0.9808)
COLUMNS = ("alpacaeval_full", "commoneval", "wildvoice", "sd-qa", "mmsu", "openbookqa", "bbh", "ifeval", "advbench")


def test_the_overall_figure_is_the_leaderboard_s() -> None:
    """Whisper-v3-large + LLaMA-3.1-8B, as VoiceBench's README of 2025 prints its columns: 77.48."""
    columns = {name: np.array([value, 0.0]) for name, value in zip(COLUMNS, ROW, strict=True)}
    (overall,) = composite(columns).values()
    assert overall.round(2).tolist() == [77.48, 0.0]


def test_the_full_set_takes_the_place_of_the_small_one() -> None:
    columns = {name: np.array([1.0]) for name in COLUMNS}
    full = composite({**columns, "alpacaeval": np.array([5.0])})["voicebench"]
    small = composite({**columns, "alpacaeval": np.array([1.0])} | {"alpacaeval_full": np.array([1.0])})["voicebench"]
    only = {name: value for name, value in columns.items() if name != "alpacaeval_full"}
    assert full == small == composite({**only, "alpacaeval": np.array([1.0])})["voicebench"]


@pytest.mark.parametrize("missing", COLUMNS)
def test_there_is_no_overall_figure_without_a_column(missing: str) -> None:
    assert not composite({name: np.array([1.0]) for name in COLUMNS if name != missing})


def test_an_export_is_scored_like_what_was_read(tmp_path: Path) -> None:
    write(tmp_path / "in", MMSU, {"prompt": "a", "reference": "B", "response": "B", "cot_content": "x"})
    write(tmp_path / "in", "m-sd-qa-usa-audio.jsonl", {"prompt": "a", "reference": "x", "response": "é"})
    material = read_material(VOICEBENCH, tmp_path / "in", None)
    said = {item_id: prediction.response for item_id, prediction in material.predictions.items()}
    written = VOICEBENCH.export(list(material.entries.values()), said)
    assert sorted(written) == ["desta-mmsu-law-audio.jsonl", "desta-sd-qa-usa-audio.jsonl"]
    for name, text in written.items():
        (tmp_path / name).write_text(text)
    again = read_material(VOICEBENCH, tmp_path, None)
    assert (again.items, again.predictions) == (material.items, material.predictions)
    assert again.entries["mmsu/law/" + next(iter(said)).split("/")[-1]].row.values["cot_content"] == "x"


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        (MMSU, "", "is empty"),
        (MMSU, "{}\n{", "line 1: no 'prompt'"),
        (MMSU, "[1]", "line 1: want an object, got [1]"),
        (MMSU, {"prompt": 3}, "line 1: 'prompt' is no text but 3"),
        (MMSU, {"prompt": "a"}, "line 1: no 'reference'"),
        (MMSU, {"prompt": "a", "reference": "E"}, "line 1: the reference 'E' is none of A, B, C, D"),
        (MMSU, {"prompt": "a", "reference": "A", "response": 3}, "line 1: 'response' is no text but 3"),
        (MMSU, {"prompt": "a", "id": []}, "line 1: 'id' or 'key' is no text or whole number but []"),
        (MMSU, {"prompt": "a", "id": True}, "line 1: 'id' or 'key' is no text or whole number but True"),
        (BBH, {"prompt": "a", "reference": "yes"}, "line 1: no 'id'"),
        (BBH, {"id": "snarks_1", "prompt": "a"}, "line 1: id 'snarks_1' names no task of sports_understanding, "),
        (BBH, {"id": "navigate", "prompt": "a", "reference": "(a)"}, "line 1: the reference '(a)' is none of no, yes"),
        ("ifeval.jsonl", {"prompt": "a", "key": 1, "kwargs": []}, "line 1: 'instruction_id_list' is empty"),
        ("ifeval.jsonl", asked(1, "", "no:such"), "line 1: no rule for the constraint 'no:such'"),
        ("ifeval.jsonl", asked(1, "", JSON, kwargs=3), "line 1: 'kwargs' is no list of objects but 3"),
        ("m-mtbench-test-audio.jsonl", BLANK, "line 1: the name of the file tells no subset; want "),
        ("predictions.json", [BLANK], "row 1: the name of the file tells no subset; want "),
    ],
)
def test_a_malformed_file_is_one_line(tmp_path: Path, name: str, content: Any, line: str) -> None:
    file = tmp_path / name
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(SourceError, match=re.escape(line)) as caught:
        read_material(VOICEBENCH, file, None)
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)


def test_one_id_twice_is_an_error(tmp_path: Path) -> None:
    row = {"id": "navigate_1", "prompt": "?", "reference": "yes", "response": "yes"}
    with pytest.raises(SourceError, match="line 2: item 'bbh/test/navigate_1' is there twice"):
        scored(write(tmp_path, BBH, row, row))


def test_a_folder_without_the_files_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "notes.jsonl", BLANK)
    with pytest.raises(SourceError, match=r"has no <subset>-<split>\.jsonl with a subset of alpacaeval, "):
        read_items(VOICEBENCH, tmp_path)


RESPONSES = st.lists(st.sampled_from(["A", "B.", "Iron", "", "the answer is c", "sorry"]), min_size=1, max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(RESPONSES, st.integers(0, 2**31), st.randoms(use_true_random=False))
def test_neither_the_order_nor_the_company_of_rows_changes_a_mark(
    tmp_path: Path, responses: list[str], seed: int, random: Any
) -> None:
    rows = [{"prompt": str(n), "reference": "B", "response": said} for n, said in enumerate(responses)]
    result = scored(write(tmp_path, MMSU, *rows), seed=seed)
    marks = {mark.item_id: mark for mark in result.marks}
    shuffled = random.sample(rows, len(rows))
    again = scored(write(tmp_path, MMSU, *shuffled), seed=seed)
    assert {mark.item_id: mark for mark in again.marks} == marks
    assert (again.basis, again.key, figures(again)) == (result.basis, result.key, figures(result))
    assert figures(again)["mmsu"] == pytest.approx(sum(mark.value or 0.0 for mark in marks.values()) / len(rows))
    (alone,) = scored(write(tmp_path, MMSU, rows[0]), seed=seed).marks
    assert marks[alone.item_id] == alone
