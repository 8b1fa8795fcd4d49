"""Finding erased things in the bytes of any file: ids and words in text, rows in Parquet, samples in audio."""

import base64
import binascii
import gzip
import hashlib
import html
import io
import json
import re
import tarfile
import zipfile
import zlib
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from mmap import mmap

import pyarrow as pa
import pyarrow.parquet as pq

from components.core.audio import AudioError, decode, pcm_digest, quantise, resample
from components.core.digests import digest_of_bytes
from pipelines.erasure.subject import Traces

Bytes = bytes | mmap

_HEXADECIMAL = re.compile(rb"[0-9a-fA-F]{64,}")
_EMBEDDED = re.compile(rb"base64,([A-Za-z0-9+/=]{64,})")
_AUDIO = (b"fLaC", b"RIFF", b"RIFX", b"RF64", b"OggS", b"ID3", b"FORM", b".snd", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")
_LONGEST_CLIP_S = 31.0
_ROWS = 64
_FEW = 40
"""Words up to which `bytes.find` of each is quicker than one look at every place."""
_STRINGS = 2**14
_PIECE = 2**20
"""Bytes of a mapped file that are in memory together."""
_TAR_MAGIC = slice(257, 262)


class Words:
    """Texts that are sought in bytes; beyond a few, a search costs the same however many they are.

    Few are found quickest one by one; of many, the first bytes at each place say whether one can stand there. Where
    that is so, the last one in order up to what stands there is found by halves: whatever begins there is that one, or
    one that it begins with.
    """

    def __init__(self, words: Collection[bytes]) -> None:
        self._words = sorted(set(filter(None, words)))
        self._shorter = _beginnings(self._words)
        self._width = min(map(len, self._words), default=0)
        self._longest = max(map(len, self._words), default=0)
        self._heads = frozenset(word[: self._width] for word in self._words)

    def stand_in(self, text: Bytes) -> bool:
        """Tell whether any of them stands in the text."""
        return next(self.standing_in(text), None) is not None

    def standing_in(self, text: Bytes) -> Iterator[bytes]:
        """Yield those that stand in the text, some of them more than once."""
        if len(self._words) <= _FEW:
            yield from (word for word in self._words if text.find(word) >= 0)
            return
        for start in range(0, len(text), _PIECE):
            yield from self._in_piece(text[start : start + _PIECE + self._longest])

    def _in_piece(self, text: bytes) -> Iterator[bytes]:
        width, heads = self._width, self._heads
        for start in range(len(text) - width + 1):
            if text[start : start + width] in heads:
                yield from self._beginning(text[start : start + self._longest])

    def _beginning(self, text: bytes) -> Iterator[bytes]:
        """Yield those that the text begins with, the longest first."""
        at = bisect_right(self._words, text)
        word = self._words[at - 1] if at else None
        while word is not None:
            if text.startswith(word):
                yield word
            word = self._shorter[word]


def _beginnings(words: Sequence[bytes]) -> dict[bytes, bytes | None]:
    """Return for each word, in their order, the longest other one that it begins with."""
    longest: dict[bytes, bytes | None] = {}
    open_words: list[bytes] = []
    for word in words:
        while open_words and not word.startswith(open_words[-1]):
            open_words.pop()
        longest[word] = open_words[-1] if open_words else None
        open_words.append(word)
    return longest


class Searcher:
    """Looks into files for what was erased; counts what it looked at."""

    def __init__(self, traces: Traces, words: Collection[str] = ()) -> None:
        self._clips, self._speaker = frozenset(traces.clips), traces.speaker
        self._ids = frozenset((*traces.clips, *traces.samples, *traces.sources))
        self._files = frozenset((*traces.files, *traces.sources))
        self._objects = frozenset(traces.objects)
        self._words = Words({form.encode() for word in words for form in forms_of(word)})
        # Prompts, licences, names of models: most cells say what many others say.
        self._in_string = lru_cache(_STRINGS)(lambda value: self.in_text(value.encode(errors="surrogatepass")))
        self.files = self.bytes = self.rows = 0

    def find(self, name: str, data: Bytes, *, evidence: bool = False) -> str | None:
        """Say what a file holds of it; digests in the text of `evidence`, such as a certificate, are meant to be."""
        self.files += 1
        self.bytes += len(data)
        return self._in_name(name, evidence) or self._same(data) or self._in_content(data, evidence)

    def in_text(self, text: Bytes) -> str | None:
        """Say which id or word stands in bytes."""
        for run in _HEXADECIMAL.finditer(text):
            digits = run[0].decode().lower()
            for start in range(len(digits) - 63):
                if (found := digits[start : start + 64]) in self._ids:
                    return f"the id {found}"
        return "words of it" if self._words.stand_in(text) else None

    def _in_name(self, name: str, evidence: bool) -> str | None:
        if not evidence and self.in_text(name.encode(errors="surrogateescape")):
            return "an id in its name"
        joined = "".join(name.split("/")[-2:]).removesuffix(".dir")
        return f"object {joined}" if joined in self._objects else None

    def _same(self, data: Bytes) -> str | None:
        digest = sha256_of(data) if len(data) else ""
        return f"the removed file {digest}" if digest in self._files else None

    def _in_content(self, data: Bytes, evidence: bool = False) -> str | None:
        head = data[:4]
        if head == b"PAR1":
            return self._in_parquet(data)
        if head.startswith(_AUDIO):
            return self._in_audio(bytes(data))
        for part in _parts(data):
            if found := self._same(part) or self._in_content(part):
                return found
        return None if evidence else self.in_text(data)

    def _in_audio(self, data: bytes) -> str | None:
        clip_id = _clip_id_of(data)
        return f"the samples of clip {clip_id}" if clip_id in self._clips else self.in_text(data)

    def _in_parquet(self, data: Bytes) -> str | None:
        try:
            file = pq.ParquetFile(pa.BufferReader(pa.py_buffer(data)))
            telling = [field.name for field in file.schema_arrow if _can_tell(field.type)]
            for batch in file.iter_batches(batch_size=_ROWS, columns=telling):
                self.rows += batch.num_rows
                if found := self._first(batch):
                    return found
        except (pa.ArrowException, OSError, ValueError):
            pass  # what is damaged is still text
        return self.in_text(data)

    def _first(self, batch: pa.RecordBatch) -> str | None:
        """Look into each different cell of some rows once."""
        leaves = (leaf for name in batch.schema.names for leaf in _leaves(name, batch[name]))
        cells = ((name, cell) for name, leaf in leaves for cell in leaf.unique().to_pylist() if cell)
        return next((found for name, cell in cells if (found := self._in_cell(name, cell))), None)

    def _in_cell(self, name: str, cell: str | bytes) -> str | None:
        if isinstance(cell, bytes):
            return self._same(cell) or self._in_content(cell)
        if name == "speaker_id" and digest_of_bytes(f"speaker:{cell}".encode()) == self._speaker:
            return "a row of the speaker"
        return self._in_string(cell)


def sha256_of(data: Bytes) -> str:
    """Return the sha256 of bytes, also of those that are mapped from a file."""
    return hashlib.sha256(data).hexdigest()


_HEARD: dict[str, str | None] = {}
"""The clips that audio files would become, by the sha256 of the file: each content is decoded once in a process."""


def _clip_id_of(data: bytes) -> str | None:
    digest = digest_of_bytes(data)
    if digest not in _HEARD:
        try:
            samples, rate_hz = decode(data, at_most_s=_LONGEST_CLIP_S)
            _HEARD[digest] = pcm_digest(quantise(resample(samples, rate_hz)))
        except AudioError:
            _HEARD[digest] = None
    return _HEARD[digest]


def forms_of(word: str) -> Iterator[str]:
    """Yield a word as text, JSON and HTML write it."""
    in_json = (json.dumps(word)[1:-1], json.dumps(word, ensure_ascii=False)[1:-1])
    yield from dict.fromkeys((word, *in_json, html.escape(word), html.escape(word, quote=False)))


def _can_tell(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.StructType):
        return any(_can_tell(field.type) for field in kind)
    if isinstance(kind, pa.MapType):
        return _can_tell(kind.key_type) or _can_tell(kind.item_type)
    if isinstance(kind, pa.ListType | pa.LargeListType | pa.FixedSizeListType | pa.DictionaryType):
        return _can_tell(kind.value_type)
    return any(is_it(kind) for is_it in _TEXT_OR_BYTES)


def _leaves(name: str, cells: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    """Yield the texts and bytes that stand in a column, however deep, each with the name that is nearest to it."""
    kind = cells.type
    if isinstance(kind, pa.StructType):
        for number, field in enumerate(kind):
            yield from _leaves(field.name, cells.field(number))
    elif isinstance(kind, pa.MapType):
        yield from _leaves(name, cells.keys)
        yield from _leaves(name, cells.items)
    elif isinstance(kind, pa.ListType | pa.LargeListType | pa.FixedSizeListType):
        yield from _leaves(name, cells.flatten())
    elif isinstance(kind, pa.DictionaryType):
        yield from _leaves(name, cells.dictionary_decode())
    elif _can_tell(kind):
        yield name, cells


_TEXT_OR_BYTES = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
)


def _parts(data: Bytes) -> Iterator[bytes]:
    """Yield what is packed in an archive, or written into a page."""
    try:
        if data[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                yield from (archive.read(name) for name in archive.namelist())
        elif data[:2] == b"\x1f\x8b":
            yield gzip.decompress(data)
        elif data[_TAR_MAGIC] == b"ustar":
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                yield from (file.read() for member in tar if (file := tar.extractfile(member)))
        else:
            yield from (base64.b64decode(found[1]) for found in _EMBEDDED.finditer(data))
    except (zipfile.BadZipFile, tarfile.TarError, OSError, EOFError, zlib.error, binascii.Error):
        return  # it is no archive after all
