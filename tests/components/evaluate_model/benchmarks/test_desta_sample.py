import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Clip, Domain, Split
from components.evaluate_model.benchmarks.desta_sample import DESTA_SAMPLE, duration_group, rows_about
from components.evaluate_model.benchmarks.scoring import Result, read_material, score
from tests.builders import make_clip


def clip(number: int, *, split: Split = Split.EVALUATION, **changes: Any) -> Clip:
    return make_clip(clip_id=f"{number:064x}", split=split, **changes)


def sound(number: int, event: str, **changes: Any) -> Clip:
    told = {"attributes": {"sound_event": event}, "describable": ("sound_event",)}
    return clip(number, **{**told, **changes})


ANIMALS = [
    sound(number, event) for number, event in enumerate(("a dog", "a cat", "a cow", "a hen", "a frog", "an owl"))
]


def asked(rows: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["category"] == kind]


def test_each_answer_is_among_four_choices_that_other_clips_have() -> None:
    rows = asked(rows_about(ANIMALS, seed=1), "sound event")
    assert len(rows) == len(ANIMALS)
    for row in rows:
        assert row["answer"] in row["choices"]
        assert len(set(row["choices"])) == 4
    assert len({tuple(row["choices"]) for row in rows}) > 1


def test_only_held_out_clips_are_asked_about_and_all_give_choices() -> None:
    clips = [sound(1, "a dog"), sound(2, "a cat", split=Split.TRAIN)]
    (row,) = asked(rows_about(clips, seed=1), "sound event")
    assert (row["answer"], sorted(row["choices"])) == ("a dog", ["a cat", "a dog"])


def test_what_a_corpus_does_not_let_be_told_is_not_asked() -> None:
    clips = [sound(1, "a dog"), sound(2, "a cat"), sound(3, "a thief", describable=())]
    rows = asked(rows_about(clips, seed=1), "sound event")
    assert {row["answer"] for row in rows} == {"a dog", "a cat"}
    assert all("a thief" not in row["choices"] for row in rows)


def test_a_question_with_one_answer_only_is_not_asked() -> None:
    assert not rows_about([sound(1, "a dog"), sound(2, "a dog")], seed=1)


def test_kinds_follow_from_what_is_known_of_a_clip() -> None:
    told: dict[str, Any] = {"describable": ("gender",), "domain": Domain.SPEECH}
    clips = [
        clip(1, attributes={"gender": "female"}, language="it-IT", **told),
        clip(2, attributes={"gender": "male"}, language="bg", **told),
        clip(3, domain=Domain.MUSIC, attributes={"instrument": "drum"}, describable=("instrument",)),
    ]
    rows = rows_about(clips, seed=1)
    assert {row["category"]: row["answer"] for row in rows if row["audio_id"].endswith(f"{1:064x}.flac")} == {
        "domain": "speech",
        "language": "Italian",
        "gender": "a woman",
    }


@given(st.permutations(ANIMALS))
def test_the_order_of_clips_changes_nothing(clips: list[Clip]) -> None:
    assert rows_about(clips, seed=1) == rows_about(ANIMALS, seed=1)


def scored(folder: Path, rows: list[dict[str, Any]]) -> Result:
    file = folder / "predictions.json"
    file.write_text(json.dumps(rows))
    return score(DESTA_SAMPLE, read_material(DESTA_SAMPLE, file, None), None, post="as-it-is", seed=1, resamples=200)


def test_answers_in_words_are_scored_by_kind_domain_and_corpus(tmp_path: Path) -> None:
    rows = asked(rows_about(ANIMALS, seed=1), "sound event")
    said = [{**row, "model_output": f"It is {row['choices'][0]}."} for row in rows]
    right = sum(row["choices"][0] == row["answer"] for row in rows) / len(rows)
    figures = {figure.name: figure.value for figure in scored(tmp_path, said).figures}
    assert figures == dict.fromkeys(
        ("desta-sample", "sound", "sound and music", "kind: sound event", "corpus: test", "duration: 0 to 2 s"),
        pytest.approx(right),
    )


def test_an_answer_that_is_no_choice_is_an_error(tmp_path: Path) -> None:
    (row, *_) = rows_about(ANIMALS, seed=1)
    with pytest.raises(SourceError, match="row 1: the answer 'a whale' is none of the choices"):
        scored(tmp_path, [{**row, "answer": "a whale"}])


def spoken(number: int, transcript: str, **changes: Any) -> Clip:
    return clip(number, domain=Domain.SPEECH, transcript=transcript, **changes)


@pytest.mark.parametrize(
    ("said", "errors"),
    [
        ("Press one now!", 0.0),
        ("press  ONE, now", 0.0),
        ("press two now", 1 / 3),
        ("press one", 1 / 3),
        ("press one now please do", 2 / 3),
        ("", 1.0),
        ("a b c d e f g", 7 / 3),
    ],
)
def test_transcripts_are_scored_by_wrong_missing_and_added_words(tmp_path: Path, said: str, errors: float) -> None:
    rows = asked(rows_about([spoken(1, "Press one, now.", language="en")], seed=1), "transcript")
    figures = {f.name: f.value for f in scored(tmp_path, [{**row, "model_output": said} for row in rows]).figures}
    assert figures == {"word errors": pytest.approx(errors), "word errors: en": pytest.approx(errors)}


def test_a_transcript_that_is_missing_has_all_words_wrong_and_counts_in_no_accuracy(tmp_path: Path) -> None:
    rows = rows_about([spoken(11, "press one"), spoken(12, "press two"), *ANIMALS], seed=1)
    (missing, _) = asked(rows, "transcript")
    said = [row if row is missing else {**row, "model_output": row["answer"]} for row in rows]
    figures = {figure.name: figure.value for figure in scored(tmp_path, said).figures}
    assert figures["word errors"] == 0.5
    assert figures["desta-sample"] == 1.0


def test_nothing_is_asked_about_a_transcript_without_words() -> None:
    assert not asked(rows_about([spoken(1, "?!"), spoken(2, "")], seed=1), "transcript")


@pytest.mark.parametrize(
    ("seconds", "group"),
    [(0.5, "0 to 2 s"), (2.0, "0 to 2 s"), (2.1, "2 to 5 s"), (10.0, "5 to 10 s"), (11, "over 10 s")],
)
def test_clips_are_grouped_by_their_length(seconds: float, group: str) -> None:
    assert duration_group(seconds) == group
