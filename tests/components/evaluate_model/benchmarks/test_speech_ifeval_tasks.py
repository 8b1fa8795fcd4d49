import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.comparison import compare
from components.evaluate_model.benchmarks.judging import Question
from components.evaluate_model.benchmarks.records import Outcome
from components.evaluate_model.benchmarks.scoring import Result, read_material, score
from components.evaluate_model.benchmarks.speech_ifeval_tasks import SPEECH_IFEVAL_TASKS, normalised, word_errors
from tests.components.evaluate_model.benchmarks.judges import Scripted

CONSTRAINED = {"instruction_id_list": ["change_case:english_capital"], "kwargs": [{}]}


def answer(number: int = 0, **changes: Any) -> dict[str, Any]:
    values = {
        "id": number,
        "audio_filepath": "MMAU/a.wav",
        "instruction": "Who speaks?",
        "dataset": "MMAU",
        "metric": "accuracy",
        "label": "Man",
        "response": "A man.",
    }
    return {name: value for name, value in {**values, **changes}.items() if value is not ...}


def transcription(number: int = 0, **changes: Any) -> dict[str, Any]:
    values = {"metric": "wer", "dataset": "ASR", "label": "HE SAT DOWN", "response": 'Here you are: "He sat, down!"'}
    return answer(number, **{**values, **changes})


def says(question: Question) -> str:
    """Copies what stands between double quotes, or finds that there is a man."""
    reply = question.prompt.split("How the model replied:\n")[1]
    if "transcribe" in (question.system or ""):
        return reply.split('"')[1]
    return f"Result: {'YES' if 'man' in reply else 'NO'}"


def scored(folder: Path, *rows: dict[str, Any], judge: Scripted | None = None, data: Path | None = None) -> Result:
    file = folder / "all.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    material = read_material(SPEECH_IFEVAL_TASKS, file, data)
    return score(SPEECH_IFEVAL_TASKS, material, judge or Scripted(says), post="as-it-is", seed=1, resamples=200)


def test_figures_are_there_with_and_without_constraints(tmp_path: Path) -> None:
    rows = [
        answer(0),
        answer(1, response="Nobody", dataset="GR"),
        transcription(2),
        answer(0, **CONSTRAINED, response="NOBODY"),
        transcription(2, **CONSTRAINED, response='"SAT"'),
        transcription(3, **CONSTRAINED, response='"SHE SAT DOWN"'),
    ]
    assert {each.name: each.value for each in scored(tmp_path, *rows).figures} == {
        "accuracy without-constraints": 0.5,
        "accuracy without-constraints: MMAU": 1.0,
        "accuracy without-constraints: GR": 0.0,
        "wer without-constraints": 0.0,
        "accuracy with-constraints": 0.0,
        "accuracy with-constraints: MMAU": 0.0,
        "wer with-constraints": 0.5,
    }


def test_word_error_rates_are_of_all_words_not_of_items(tmp_path: Path) -> None:
    long = "one two three four five six seven"
    rows = [transcription(0, label=long, response=f'"{long}"'), transcription(1, response='"He sat"')]
    (figure,) = scored(tmp_path, *rows).figures
    assert figure.value == pytest.approx(1 / 10)


def test_no_response_is_all_words_wrong_and_no_answer(tmp_path: Path) -> None:
    judge = Scripted(says)
    rows = [
        transcription(0, response=""),
        transcription(1, response=...),
        answer(2, response=" "),
        answer(3, response=...),
    ]
    result = scored(tmp_path, *rows, judge=judge)
    assert judge.asked == []
    assert [(mark.value, mark.weight, mark.outcome) for mark in result.marks] == [
        (3.0, 3.0, Outcome.EMPTY),
        (3.0, 3.0, Outcome.MISSING),
        (0.0, 1.0, Outcome.EMPTY),
        (0.0, 1.0, Outcome.MISSING),
    ]


def test_what_the_judge_did_not_copy_is_counted_with_its_words_and_reported(tmp_path: Path) -> None:
    (mark,) = scored(tmp_path, transcription(response="he sat"), judge=Scripted(lambda _: "he sat down")).marks
    assert (mark.value, mark.outcome, mark.marked) == (0.0, Outcome.UNPARSED, "he sat down")


def test_an_answer_without_verdict_is_wrong_and_reported(tmp_path: Path) -> None:
    (mark,) = scored(tmp_path, answer(), judge=Scripted(lambda _: "Perhaps")).marks
    assert (mark.value, mark.outcome) == (0.0, Outcome.UNPARSED)


def test_the_judge_reads_question_label_and_response(tmp_path: Path) -> None:
    judge = Scripted(says)
    scored(tmp_path, answer(), judge=judge)
    assert all(words in judge.asked[0].prompt for words in ("Who speaks?", "Man\n", "A man."))


def test_more_word_errors_are_worse(tmp_path: Path) -> None:
    labels = [transcription(n, audio_filepath=f"{n}.wav", response='"he sat down"') for n in range(8)]
    worse = [{**row, "response": '"she stood up"'} for row in labels]
    (found,) = compare(SPEECH_IFEVAL_TASKS, scored(tmp_path, *worse), scored(tmp_path, *labels))
    assert (found.value, found.worse, found.better) == (1.0, True, False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's <<MR. Bo>>, (sighs) [noise]  OK-ay!", "it s mr bo ok ay"),
        ("Fünf + ½ €", "fünf 1 2"),
        ("over<lap>s [a", "overlaps a"),
        ("...", ""),
    ],
)
def test_words_are_compared_without_case_and_signs(text: str, words: str) -> None:
    assert normalised(text) == words


WORDS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=6)


@given(WORDS, WORDS)
def test_word_errors_are_a_distance(ours: list[str], theirs: list[str]) -> None:
    count = word_errors(" ".join(ours), " ".join(theirs))
    assert count == word_errors(" ".join(theirs), " ".join(ours))
    assert abs(len(ours) - len(theirs)) <= count <= max(len(ours), len(theirs))
    assert (count == 0) == (ours == theirs)


def test_the_official_files_are_read_and_written_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "closed_ended_questions-woprompt.jsonl").write_text(json.dumps(answer(0, response=...)) + "\n")
    (data / "closed_ended_questions.jsonl").write_text(json.dumps(answer(0, response=..., **CONSTRAINED)) + "\n")
    assert scored(tmp_path, answer(0), data=data).missing == ("with-constraints-0",)
    material = read_material(SPEECH_IFEVAL_TASKS, tmp_path / "all.jsonl", None)
    found = SPEECH_IFEVAL_TASKS.export(list(material.entries.values()), {"without-constraints-0": "A man."})
    assert found == {"closed_ended_questions-woprompt.jsonl": json.dumps(answer(0)) + "\n"}


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (answer(metric="open"), "line 1: the metric 'open' is neither accuracy nor wer"),
        (answer(label=...), "line 1: no 'label'"),
        (transcription(label="..."), "line 1: the label '...' has no words"),
        (answer(id=1.5), "line 1: 'id' is 1.5, want a number or a text"),
    ],
)
def test_a_malformed_row_is_one_line_that_names_file_and_row(tmp_path: Path, row: dict[str, Any], line: str) -> None:
    with pytest.raises(SourceError) as caught:
        scored(tmp_path, row)
    assert str(caught.value).startswith(f"{tmp_path / 'all.jsonl'}: {line}")
    assert "\n" not in str(caught.value)
