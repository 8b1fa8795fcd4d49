"""`datasets` finds each split's shards, plays the audio, and reads every sample with what belongs to it."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile as sf

from components.core.contracts.records import Split
from pipelines.export import huggingface
from pipelines.export.huggingface import COLUMNS, write_parquet
from tests.builders import make_clip, make_source
from tests.pipelines.export.making import SAMPLES, VOICE, about, make_dataset


def _rows(folder: Path, split: Split) -> list[dict[str, Any]]:
    files = sorted((folder / "data").glob(f"{split}-*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def test_every_accepted_sample_is_a_row_of_its_split(tmp_path: Path) -> None:
    write_parquet(tmp_path, make_dataset(tmp_path / "store").groups())

    train, validation = _rows(tmp_path, Split.TRAIN), _rows(tmp_path, Split.VALIDATION)
    assert [row["sample_id"] for row in (*train, *validation)] == [sample.sample_id for sample in SAMPLES]
    assert len(train) == 3
    assert not list((tmp_path / "data").glob("evaluation-*"))


def test_a_row_has_the_sample_its_clip_and_where_that_is_from(tmp_path: Path) -> None:
    write_parquet(tmp_path, make_dataset(tmp_path / "store").groups())

    row, sample = _rows(tmp_path, Split.TRAIN)[2], SAMPLES[2]
    assert list(row) == [column.name for column in COLUMNS]
    assert row["audio"] == VOICE.audio.model_dump()
    assert (row["prompt"], row["response"], row["transcript"]) == (sample.prompt, sample.response, "¿Qué tal?")
    assert row["messages"] == [message.model_dump() for message in sample.messages]
    assert (row["clip_id"], row["language"], row["licence"]) == (VOICE.clip_id, "es-MX", "CC-BY-SA-3.0")
    assert (row["corpus"], row["source_path"], row["source_sha256"]) == ("voices", "500.flac", "0" * 64)
    assert "anna" not in str(row)


def test_the_audio_column_is_declared_and_typed_as_datasets_would_write_it(tmp_path: Path) -> None:
    write_parquet(tmp_path, make_dataset(tmp_path / "store").groups())

    schema = pq.read_schema(tmp_path / "data" / "train-00000.parquet")
    declared = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert declared == {"audio": {"sampling_rate": 16_000, "_type": "Audio"}}
    # What is not exactly this type, nullable at each level, is read as a plain struct and does not play.
    stored = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
    assert schema.field("audio").equals(pa.field("audio", stored))
    samples, rate_hz = sf.read(io.BytesIO(_rows(tmp_path, Split.TRAIN)[0]["audio"]["bytes"]))
    assert (rate_hz, samples.shape) == (16_000, (16_000,))


def test_audio_is_stored_once_however_many_questions_are_asked_about_it(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 10 * 16_000).astype(np.float32)
    clip = make_clip(pcm=noise, source=make_source(corpus="farm"))
    sizes = []
    for questions in (1, 6):
        folder = tmp_path / str(questions)
        folder.mkdir()
        samples = [about(clip, f"Question {number}?") for number in range(questions)]
        write_parquet(folder, make_dataset(folder / "store", samples, [clip]).groups())
        sizes.append((folder / "data" / "train-00000.parquet").stat().st_size)
    assert sizes[1] < 1.1 * sizes[0]


def test_a_shard_that_is_large_enough_gives_way_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface, "_GROUP_ROWS", 1)
    monkeypatch.setattr(huggingface, "_SHARD_BYTES", 1)
    write_parquet(tmp_path, make_dataset(tmp_path / "store").groups())

    names = sorted(file.name for file in (tmp_path / "data").iterdir())
    assert names == [*(f"train-0000{n}.parquet" for n in range(3)), "validation-00000.parquet"]
    assert [row["sample_id"] for row in _rows(tmp_path, Split.TRAIN)] == [sample.sample_id for sample in SAMPLES[:3]]
