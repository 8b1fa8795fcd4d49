"""What any Parquet file says of clips and samples, in the few columns that tell whose they are."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.erasure.places import Item
from pipelines.erasure.searching import Bytes

_MAGIC = b"PAR1"
_ROWS = 512
_CLIP = ("clip_id", "source", "speaker_id", "segments", "transcript")
_REFUSED = ("source", "reason", "detail")
_SAID = ("clip_id", "sample_id", "seed_description", "transcript", "response", "target", "segments")
_REPLIED = ("sample_id", "response")


@dataclass(frozen=True)
class ClipRow:
    """A clip or a refused file as some file has it; `clip_id` is empty for one that never became a clip."""

    clip_id: str
    corpus: str
    path: str
    sha256: str
    start_s: float
    speakers: frozenset[str]
    transcript: str | None
    copy_of: str = ""
    """What a refused file was said to sound like."""

    @property
    def name(self) -> str:
        """The file, as `CORPUS/PATH`."""
        return f"{self.corpus}/{self.path}"


@dataclass(frozen=True)
class SaidRow:
    """What was said of a clip, or answered; `clip_id` is empty where the file does not tell."""

    clip_id: str
    sample_id: str
    words: tuple[str, ...]


def clip_rows(items: Iterable[Item]) -> Iterator[ClipRow]:
    """Yield every clip and refused file that stands in any of the files."""
    for row in _rows(items, {"clip_id", "source"}, _CLIP):
        speakers = (row.get("speaker_id"), *(part.get("speaker_id") for part in row.get("segments") or ()))
        yield _clip_row(row["clip_id"], row, frozenset(filter(None, speakers)))
    for row in _rows(items, {"source", "reason", "detail"}, _REFUSED):
        yield _clip_row("", row, frozenset(), row["detail"] if "duplicate" in row["reason"] else "")


def said_rows(items: Iterable[Item]) -> Iterator[SaidRow]:
    """Yield everything that was said of clips, wherever it stands."""
    yield from map(_said_row, _rows(items, {"clip_id"}, _SAID))
    for row in _rows(items, {"sample", "reason", "detail"}, ("sample",)):
        yield _said_row(row["sample"])
    for row in _rows(items, {"sample_id", "response", "batch"}, _REPLIED):
        yield _said_row(row)


def _clip_row(clip_id: str, row: dict[str, Any], speakers: frozenset[str], copy_of: str = "") -> ClipRow:
    source = row["source"]
    return ClipRow(
        clip_id=clip_id,
        corpus=source["corpus"],
        path=source["path"],
        sha256=source["sha256"],
        start_s=source["offset_s"],
        speakers=speakers,
        transcript=row.get("transcript"),
        copy_of=copy_of,
    )


def _said_row(row: dict[str, Any]) -> SaidRow:
    texts = [row.get(name) for name in ("seed_description", "transcript", "response", "target")]
    texts += [part.get("transcript") for part in row.get("segments") or ()]
    return SaidRow(row.get("clip_id", ""), row.get("sample_id", ""), tuple(filter(None, texts)))


def _rows(items: Iterable[Item], needed: set[str], wanted: Sequence[str]) -> Iterator[dict[str, Any]]:
    for item in items:
        with item.open() as data:
            if data[:4] == _MAGIC:
                yield from _rows_in(data, needed, wanted)


def _rows_in(data: Bytes, needed: set[str], wanted: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield some columns of a file that has those which are needed; where it is damaged its rows end.

    Some rows at a time: a quarantine is one file, however many were refused. What is damaged is searched as bytes.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(pa.py_buffer(data)))
        names = file.schema_arrow.names
        columns = [name for name in wanted if name in names] if needed <= set(names) else []
        for batch in file.iter_batches(batch_size=_ROWS, columns=columns) if columns else ():
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError):
        return
