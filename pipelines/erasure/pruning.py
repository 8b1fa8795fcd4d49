"""Taking erased rows out of files: whole rows of Parquet, whole items of JSON; what stays is as it was."""

import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.core.contracts.artifacts import QUARANTINE
from components.core.contracts.parquet import read_columns, read_shard, write_shard
from components.core.contracts.records import Answer, Clip, Description, Record, RefusedClip, RefusedSample, Sample
from components.core.digests import digest_of_bytes
from components.core.publishing import link_or_copy, write_file
from pipelines.erasure.searching import Searcher
from pipelines.erasure.subject import Erased

RECORDS: dict[str, type[Record]] = {
    kind.__name__: kind for kind in (Clip, RefusedClip, Description, Sample, RefusedSample, Answer)
}
_ABOUT_A_CLIP = (Clip, Description, Sample)
_CONFLICT = "its speaker or recording is in another split, with a recording that was erased"


class Pruner:
    """Knows which rows and items are the subject's."""

    def __init__(self, erased: Erased) -> None:
        self._clips, self._samples = frozenset(erased.traces.clips), frozenset(erased.traces.samples)
        self._places = frozenset(erased.places)
        self._search = Searcher(erased.traces, erased.words)
        self._names = tuple(repr(word) for word in (*erased.places, *self._speaker(erased)))
        self._group = {f"speaker: {name}" for name in self._speaker(erased)}

    @staticmethod
    def _speaker(erased: Erased) -> tuple[str, ...]:
        return (erased.subject.name,) if erased.subject.kind == "speaker" else ()

    def shard(self, old: Path, new: Path) -> Counter[str]:
        """Write a shard without the rows that leave, or link it; return how many left, by reason of refusal if any."""
        kind = RECORDS.get(_record_in(old))
        stay, gone, changed = list[Record](), Counter[str](), False
        for row in read_shard(old, kind) if kind else ():
            if self._is_gone(row):
                gone[str(getattr(row, "reason", ""))] += 1
            else:
                stay.append(self._unnamed(row))
                changed |= stay[-1] is not row
        if kind is None or not (gone or changed):
            link_or_copy(str(old), str(new))
        elif stay or old.name == QUARANTINE:
            write_shard(new, stay, kind)
        return gone

    def leaving(self, shard: Path) -> int:
        """Count the rows that leave a shard, those about one clip by that column alone: there may be millions."""
        kind = RECORDS.get(_record_in(shard))
        if kind in _ABOUT_A_CLIP:
            return sum(clip in self._clips for clip in read_columns(shard, kind, ["clip_id"])["clip_id"].to_pylist())
        return sum(map(self._is_gone, rows_of(shard)))

    def _is_gone(self, row: Record) -> bool:
        if isinstance(row, RefusedClip):
            name = f"{row.source.corpus}/{row.source.path}"
            return name in self._places or f"{name}@{row.source.offset_s:g}" in self._places
        if isinstance(row, RefusedSample):
            return row.sample.clip_id in self._clips
        if isinstance(row, Answer):
            return bool({row.clip_id, row.wrong_clip_id} & self._clips)
        return isinstance(row, _ABOUT_A_CLIP) and row.clip_id in self._clips

    def _unnamed(self, row: Record) -> Record:
        """Leave erased names out of why another file was refused."""
        if isinstance(row, RefusedClip) and any(name in row.detail for name in self._names):
            return row.model_copy(update={"detail": _CONFLICT})
        return row

    def tells(self, text: str) -> bool:
        """Tell whether a text names or repeats what was erased."""
        return text in self._group or self._search.in_text(text.encode(errors="surrogatepass")) is not None

    def documents(self, documents: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the JSON documents that change, without the items that tell of it and what refers to these items."""
        values = {name: value for name, data in documents.items() if (value := _parsed(data)) is not None}
        pruned = {name: _pruned(value, self.tells) for name, value in values.items()}
        ids = {found for name in values for found in _ids_in(values[name]) - _ids_in(pruned[name])}
        pruned = {name: _pruned(value, lambda text: text in ids or self.tells(text)) for name, value in values.items()}
        return {name: _written(pruned[name]) for name in values if pruned[name] != values[name]}

    def replies(self, file: Path) -> bool:
        """Take replies out of a file of generations, which then has the name of what is left; tell whether it could."""
        try:
            table = pq.read_table(file)
        except pa.ArrowException:
            return False
        if "sample_id" not in table.column_names:
            return False
        stays = pa.array([sample_id not in self._samples for sample_id in table["sample_id"].to_pylist()])
        kept, data = table.filter(stays), io.BytesIO()
        if kept.num_rows:
            pq.write_table(kept, data, compression="zstd")
            write_file(file.with_name(f"{digest_of_bytes(data.getvalue())}{file.suffix}"), data.getvalue())
        if kept.num_rows != table.num_rows:
            file.unlink()
        return bool(kept.num_rows != table.num_rows)


_GONE: Any = object()


def _parsed(data: bytes) -> Any:
    """Return what JSON says, as a list of lines where it is one object a line; `None` where it is no JSON."""
    try:
        return json.loads(data)
    except ValueError:
        pass
    try:
        return _Lines(json.loads(line) for line in data.splitlines())
    except ValueError:
        return None


class _Lines(list[Any]):
    """What a file has one of a line."""


def _written(value: Any) -> bytes:
    if isinstance(value, _Lines):
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in value).encode()
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _ids_in(value: Any) -> set[str]:
    items = value if isinstance(value, list) else []
    return {item["id"] for item in items if isinstance(item, dict) and isinstance(item.get("id"), str)}


def _pruned(value: Any, tells: Callable[[str], bool]) -> Any:
    """Return a value without what tells: a text, an entry of an object by its name, an item by its own texts."""
    if isinstance(value, str):
        return _GONE if tells(value) else value
    if isinstance(value, list):
        staying = (_pruned(item, tells) for item in value if not _is_telling(item, tells))
        return type(value)(item for item in staying if item is not _GONE)
    if isinstance(value, dict):
        inner = ((key, _pruned(item, tells)) for key, item in value.items() if not tells(key))
        return {key: item for key, item in inner if item is not _GONE}
    return value


def _is_telling(item: Any, tells: Callable[[str], bool]) -> bool:
    return isinstance(item, dict) and any(tells(text) for text in _texts(item))


def _texts(item: dict[str, Any]) -> Iterator[str]:
    for value in item.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (text for text in value if isinstance(text, str))


def _record_in(shard: Path) -> str:
    try:
        return str((pq.read_schema(shard).metadata or {}).get(b"desta.record", b"").decode())
    except pa.ArrowException:
        return ""


def rows_of(shard: Path) -> Iterator[Record]:
    """Yield the rows of a shard of any kind; none where it is of no kind that stages write."""
    kind = RECORDS.get(_record_in(shard))
    yield from read_shard(shard, kind) if kind else ()
