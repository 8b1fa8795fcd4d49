"""Upstream's training reads the lines, finds the audio that they name, and trains on what was accepted."""

from pathlib import Path

import pytest

from components.core.contracts.errors import ContractError
from components.core.contracts.records import Message
from components.core.corpora.reading import read_corpus
from pipelines.export.upstream import upstream_row, write_upstream
from tests.builders import make_sample
from tests.pipelines.export.making import BELL, DOG, SAMPLES, VOICE, make_dataset, read_lines


def test_the_lines_are_what_upstream_trains_on(tmp_path: Path) -> None:
    write_upstream(tmp_path / "out", make_dataset(tmp_path / "store").groups())

    silent, _, spoken = read_lines(tmp_path / "out" / "train.jsonl")
    system, user = silent["messages"]
    assert set(silent) == {"id", "messages", "response"}
    assert (silent["id"], silent["response"]) == (SAMPLES[0].sample_id, SAMPLES[0].response)
    assert (system["role"], user["role"]) == ("system", "user")
    assert "audios" not in system
    assert user["content"].count("<start_audio><|AUDIO|><end_audio>") == len(user["audios"]) == 1
    assert user["audios"][0]["text"] == " "
    assert spoken["messages"][1]["audios"][0]["text"] == "¿Qué tal?"


def test_every_line_names_the_audio_of_its_clip_below_the_data_root(tmp_path: Path) -> None:
    root = tmp_path / "out"
    write_upstream(root, make_dataset(tmp_path / "store").groups())

    lines = [*read_lines(root / "train.jsonl"), *read_lines(root / "validation.jsonl")]
    heard = [(root / line["messages"][1]["audios"][0]["audio"]).read_bytes() for line in lines]
    assert heard == [clip.audio.bytes for clip in (DOG, DOG, VOICE, BELL)]


def test_only_clips_and_splits_with_accepted_samples_are_there(tmp_path: Path) -> None:
    write_upstream(tmp_path / "out", make_dataset(tmp_path / "store").groups())

    files = [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()]
    clips = (DOG, VOICE, BELL)
    assert sorted(files) == sorted(["train.jsonl", "validation.jsonl", *(f"{clip.clip_id}.flac" for clip in clips)])


def test_what_was_exported_is_a_corpus_with_each_clip_once(tmp_path: Path) -> None:
    root = tmp_path / "out"
    write_upstream(root, make_dataset(tmp_path / "store").groups())
    (root / "corpus.yaml").write_text("name: again\nlicence: CC0-1.0\ndomain: sound\nformat: upstream\n")

    heard = {recording.file.read_bytes(): recording.transcript for recording in read_corpus(root).recordings}
    assert heard == {DOG.audio.bytes: None, VOICE.audio.bytes: "¿Qué tal?", BELL.audio.bytes: None}


@pytest.mark.parametrize("content", ["What do you hear?", "<|AUDIO|> or <|AUDIO|>?"])
def test_a_conversation_without_exactly_one_clip_is_refused(content: str) -> None:
    sample = make_sample(messages=(Message(role="user", content=content),))
    with pytest.raises(ContractError, match=sample.sample_id):
        upstream_row(sample)
