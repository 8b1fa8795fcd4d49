"""A search of its own, simple and slow, for anything that anna left: it shares no code with the erasure."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import soundfile as sf

from components.core.contracts.records import Clip
from tests.pipelines.erasure.making import TEXTS, sample_about


def telling_of(clips: list[Clip], speaker: str = "anna") -> set[bytes]:
    """Return everything by which a speaker can be known: ids, digests, names of files, words, samples."""
    hers = [clip for clip in clips if clip.speaker_id == speaker]
    found = {speaker.encode(), *(text.encode() for (who, _), text in TEXTS.items() if who == speaker)}
    for clip in hers:
        found |= {clip.clip_id.encode(), clip.source.sha256.encode(), sample_about(clip).sample_id.encode()}
        found |= {samples_in(clip.audio.bytes)}
    return found


def traces_below(folder: Path, telling: set[bytes]) -> Iterator[str]:
    """Yield each file below a folder that holds any of it, in its name, text, rows or sound."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            found = [word for word in telling for part in _parts(file) if word in part]
            yield from (f"{file}: {word[:40]!r}" for word in found[:1])


def _parts(file: Path) -> Iterator[bytes]:
    data = file.read_bytes()
    yield file.name.encode()
    yield data
    if data[:4] == b"PAR1" and data[-4:] == b"PAR1" and len(data) > 8:
        for row in pq.read_table(file).to_pylist():
            yield from _values(row)
    if data[:4] in (b"fLaC", b"RIFF"):
        yield samples_in(data)


def _values(value: Any) -> Iterator[bytes]:
    if isinstance(value, str):
        yield value.encode()
    elif isinstance(value, bytes):
        yield value
        if value[:4] == b"fLaC":
            yield samples_in(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key).encode()
            yield from _values(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _values(inner)


def samples_in(data: bytes) -> bytes:
    """Return the digest of the samples in an audio file."""
    samples, _ = sf.read(io.BytesIO(data), dtype="int16")
    return hashlib.sha256(samples.tobytes()).digest()
