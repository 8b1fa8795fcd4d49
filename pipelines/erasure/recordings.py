"""The recordings of the corpora below a checkout's `data/`: which are the subject's, and how they are taken out."""

import csv
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from components.core.audio import AudioError, decode, pcm_digest, quantise, resample
from components.core.contracts.errors import SourceError
from components.core.corpora.formats.folder import TABLE_FILES
from components.core.corpora.policy import POLICY_FILE, read_policy
from components.core.corpora.reading import Corpus, read_corpus
from components.core.corpora.recordings import Recording
from components.core.digests import digest_of_bytes, digest_of_file
from components.core.publishing import write_file
from pipelines.erasure.rows import ClipRow

_LONGEST_CLIP_S = 30.0


@dataclass(frozen=True)
class Held:
    """A recording of a corpus below `data/`."""

    corpus: Corpus
    recording: Recording

    def as_row(self) -> ClipRow:
        """Return it in the shape of what the results say of clips."""
        it = self.recording
        speakers = (it.speaker_id, *(segment.speaker_id for segment in it.segments))
        names = frozenset(speaker for speaker in speakers if speaker)
        return ClipRow("", it.corpus, it.path, _sha256(it), it.start_s, names, it.transcript)

    def clip_id(self) -> str | None:
        """Return the id of the clip that it would become; `None` where it is too long for one, or cannot be decoded."""
        it = self.recording
        try:
            audio = it.member.read() if it.member else it.file
            samples, rate_hz = decode(
                audio, start_s=it.start_s, duration_s=it.duration_s, at_most_s=_LONGEST_CLIP_S + 1
            )
        except (AudioError, OSError):
            return None
        return pcm_digest(quantise(resample(samples, rate_hz))) if len(samples) <= _LONGEST_CLIP_S * rate_hz else None


def corpora_below(root: Path) -> list[Path]:
    """Return the corpora of a checkout."""
    return sorted(file.parent for file in (root / "data" / "corpora").glob(f"*/{POLICY_FILE}"))


def held_in(root: Path) -> list[Held]:
    """Return every recording of every corpus of a checkout.

    Raises:
        SourceError: a corpus cannot be read.
    """
    corpora = map(read_corpus, corpora_below(root))
    return [Held(corpus, recording) for corpus in corpora for recording in corpus.recordings]


def _sha256(recording: Recording) -> str:
    try:
        return digest_of_bytes(recording.member.read()) if recording.member else digest_of_file(recording.file)
    except OSError:
        return digest_of_bytes(b"")


def take_out(root: Path, places: Iterable[str]) -> None:
    """Remove the recordings of these places from the corpora of a checkout; a corpus without any other goes whole."""
    gone = frozenset(places)
    for folder in corpora_below(root):
        name = read_policy(folder).name
        for table in (folder / name for name in TABLE_FILES if (folder / name).is_file()):
            before = table.read_bytes()
            if (after := table_without(table.name, before, folder, name, gone)) != before:
                write_file(table, after)
        for path in _whole_files(name, gone):
            (folder / path).unlink(missing_ok=True)
        _remove_if_empty(folder)


def table_without(file_name: str, data: bytes, folder: Path, corpus: str, gone: frozenset[str]) -> bytes:
    """Return a table of a corpus without the lines about these places; every other line keeps its bytes."""
    lines = _csv_lines(data) if file_name.endswith(".csv") else _json_lines(data)
    return b"".join(line for line, cells in lines if not _is_gone(folder, corpus, cells, gone))


def is_telling_table(file: Path, root: Path, places: Iterable[str]) -> bool:
    """Tell whether a file is a table of a corpus with a line about these places."""
    folder = file.parent
    if file.name not in TABLE_FILES or folder not in corpora_below(root):
        return False
    before = file.read_bytes()
    return table_without(file.name, before, folder, read_policy(folder).name, frozenset(places)) != before


def _whole_files(corpus: str, places: frozenset[str]) -> set[str]:
    """Return the files of a corpus that go whole."""
    mine = (place.removeprefix(f"{corpus}/") for place in places if place.startswith(f"{corpus}/"))
    return {path for path in mine if "@" not in path}


def _is_gone(folder: Path, corpus: str, cells: Mapping[str, str], gone: frozenset[str]) -> bool:
    if not (path := cells.get("path")):
        return False
    inside = path.removeprefix(f"{folder.resolve()}/")
    name = f"{corpus}/{PurePosixPath(inside)}"
    return name in gone or f"{name}@{float(cells.get('start_s') or 0.0):g}" in gone


def _csv_lines(data: bytes) -> Iterator[tuple[bytes, dict[str, str]]]:
    """Yield each record of a CSV file in its own bytes, with its cells; the header has none."""
    lines = data.splitlines(keepends=True)
    reader = csv.reader(line.decode("utf-8-sig") for line in lines)
    names = next(reader, [])
    begun = reader.line_num
    yield b"".join(lines[:begun]), {}
    for cells in reader:
        yield b"".join(lines[begun : reader.line_num]), dict(zip(names, cells, strict=False))
        begun = reader.line_num


def _json_lines(data: bytes) -> Iterator[tuple[bytes, dict[str, str]]]:
    for line in data.splitlines(keepends=True):
        cells = json.loads(line) if line.strip() else {}
        yield line, {name: str(value) for name, value in cells.items() if value is not None}


def _remove_if_empty(folder: Path) -> None:
    """Remove a corpus that has no recording left: nothing could read it any more."""
    try:
        read_corpus(folder)
    except SourceError as error:
        if "no recordings" not in str(error):
            raise
        shutil.rmtree(folder)
