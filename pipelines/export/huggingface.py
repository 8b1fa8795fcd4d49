"""A dataset folder as Hugging Face's `datasets` loads it: Parquet shards for each split, with the audio inside.

data/train-00000.parquet  data/train-00001.parquet  data/validation-00000.parquet  …
"""

import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from components.core.contracts.records import SAMPLE_RATE_HZ, Clip, Sample, Split
from pipelines.export.dataset import Group

AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))

_GROUP_ROWS = 100  # what `datasets` itself writes for audio: a viewer reads a page without reading a shard
_SHARD_BYTES = 256 << 20
_DICTIONARY_BYTES = 1 << 30


@dataclass(frozen=True)
class Column:
    """One column: its name and type, what it means, and where its value comes from."""

    name: str
    kind: pa.DataType
    meaning: str
    value: Callable[[Clip, Sample], Any]


COLUMNS = (
    Column("audio", AUDIO, "the clip: FLAC, mono, 16 kHz, 16 bit", lambda c, _: c.audio.model_dump()),
    Column("sample_id", pa.string(), "digest of all that the answer follows from", lambda _, s: s.sample_id),
    Column("clip_id", pa.string(), "sha256 of the clip's samples", lambda c, _: c.clip_id),
    Column("domain", pa.string(), "speech, sound or music", lambda c, _: c.domain.value),
    Column("language", pa.string(), "language of the speech, where it is known", lambda c, _: c.language),
    Column("duration_s", pa.float64(), "length of the clip in seconds", lambda c, _: c.duration_s),
    Column("transcript", pa.string(), "what is said, where somebody speaks", lambda _, s: s.transcript),
    Column("seed_description", pa.string(), "the words that the generator read", lambda _, s: s.seed_description),
    Column("prompt_id", pa.string(), "the question's name in its pool", lambda _, s: s.prompt_id),
    Column("prompt", pa.string(), "the question", lambda _, s: s.prompt),
    Column(
        "messages",
        MESSAGES,
        "the conversation as a model that hears is trained on it",
        lambda _, s: [message.model_dump() for message in s.messages],
    ),
    Column("response", pa.string(), "the generator's answer: the training target", lambda _, s: s.response),
    Column("response_tokens", pa.int64(), "length of the answer in tokens", lambda _, s: s.response_tokens),
    Column(
        "nll_per_token",
        pa.float64(),
        "the answer's mean negative log-likelihood under its generator, in nats",
        lambda _, s: s.nll_per_token,
    ),
    Column("licence", pa.string(), "licence of the clip (SPDX)", lambda c, _: c.licence),
    Column("corpus", pa.string(), "corpus that the clip is from", lambda c, _: c.source.corpus),
    Column("source_path", pa.string(), "file in the corpus", lambda c, _: c.source.path),
    Column("source_sha256", pa.string(), "sha256 of that file", lambda c, _: c.source.sha256),
    Column("source_offset_s", pa.float64(), "where the clip begins in it, in seconds", lambda c, _: c.source.offset_s),
)
"""Speaker ids are left out: nobody needs to link the recordings of a person to train on these rows."""

# `datasets` takes a column for audio only if name, type and nullability are what it would write itself: every column is
# nullable here, and what is not declared follows from its Arrow type.
_FEATURES = {"audio": {"sampling_rate": SAMPLE_RATE_HZ, "_type": "Audio"}}
SCHEMA = pa.schema(
    [(column.name, column.kind) for column in COLUMNS],
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}})},
)


def shards_of(split: Split) -> str:
    """Return the pattern of a split's shards."""
    return f"data/{split}-*.parquet"


def write_parquet(folder: Path, groups: Iterable[Group]) -> None:
    """Write the shards of each split, at most a hundred rows of each in memory."""
    (folder / "data").mkdir()
    with ExitStack() as stack:
        splits: dict[Split, _Shards] = {}
        for clip, samples in groups:
            if clip.split not in splits:
                splits[clip.split] = stack.enter_context(_Shards(folder, clip.split))
            for sample in samples:
                splits[clip.split].add({column.name: column.value(clip, sample) for column in COLUMNS})


class _Shards:
    """The shards of one split; a shard that has grown large enough gives way to the next."""

    def __init__(self, folder: Path, split: Split) -> None:
        self._folder, self._split = folder, split
        self._rows: list[dict[str, Any]] = []
        self._shards = 0
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._write()
        self._close()

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        if len(self._rows) == _GROUP_ROWS:
            self._write()

    def _write(self) -> None:
        """Write the rows as one row group, in which a clip's audio is stored once for all its questions."""
        if not self._rows:
            return
        path = self._folder / shards_of(self._split).replace("*", f"{self._shards:05d}")
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                path, SCHEMA, compression="zstd", dictionary_pagesize_limit=_DICTIONARY_BYTES
            )
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=SCHEMA))
        self._rows = []
        if path.stat().st_size >= _SHARD_BYTES:
            self._close()
            self._shards += 1

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
