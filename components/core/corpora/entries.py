"""What a format makes of a corpus: one entry for each stretch of audio, in the words of the standard columns."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

from components.core.contracts.errors import SourceError
from components.core.corpora.policy import CorpusPolicy
from components.core.corpora.tables import check_unicode

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au"})
COLUMNS = (
    *("path", "domain", "transcript", "language", "speaker_id", "source_id", "split", "licence"),
    *("start_s", "duration_s"),
)
"""Every other column is an annotated attribute."""


class Member(Protocol):
    """Audio that lies inside a larger file."""

    def read(self) -> bytes:
        """Return the encoded audio; OSError where the file cannot be read."""
        ...


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A stretch of audio and what the corpus says of it, as text by column.

    `where` names the line that says so, `file` lies below the corpus folder, `name` is the audio's path as people know
    it (for a member, its name below the file that holds it). Stretches that begin together are told apart by `channel`.
    """

    where: str
    file: Path
    name: str
    member: Member | None = None
    channel: str = ""
    cells: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, cell in self.cells.items():
            check_unicode(name, self.where)
            check_unicode(cell, f"{self.where}: {name}")


Reader = Callable[[Path, CorpusPolicy], Iterator[Entry]]
"""Reads a corpus folder in one format; SourceError says where and what to do."""


def file_entry(folder: Path, path: str, where: str, cells: dict[str, str], channel: str = "") -> Entry:
    """Make the entry of a file that a table names: a path below the folder, or an absolute one that leads there."""
    check_unicode(path, f"{where}: path")
    inside = PurePosixPath(path)
    if inside.is_absolute() and inside.is_relative_to(folder.resolve().as_posix()):
        inside = inside.relative_to(folder.resolve().as_posix())
    if inside.is_absolute() or ".." in inside.parts or not inside.parts:
        raise SourceError(f"{where}: path {path!r}: want a file below the corpus folder")
    file = folder / inside
    return Entry(where=where, file=file, name=name_of(file, folder), channel=channel, cells=cells)


def name_of(file: Path, folder: Path) -> str:
    """Return a file's path below the folder as text; bytes that are not UTF-8 are written as escapes."""
    return printable(file.relative_to(folder).as_posix())


def printable(name: str) -> str:
    """Return a name that the system gave as text that can be written: bytes that are not UTF-8 become escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def files_below(folder: Path, *suffixes: str) -> list[Path]:
    """Return the files below a folder whose names end so, by path; SourceError where a folder is closed to us."""
    try:
        found = (file for file in folder.rglob("*") if file.name.lower().endswith(suffixes) and file.is_file())
        return sorted(found)
    except OSError as error:
        raise SourceError(f"{error.filename}: cannot be looked into: {error.strerror}; mend its permissions") from error
