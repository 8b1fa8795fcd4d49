"""Corpora as people have them: a folder, a `corpus.yaml` that names its format, and what is known of each recording.

`speaker_id` and `source_id` mean the same person and the same recording in every corpus of a run; without a `source_id`
a file is a recording of its own.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Domain, Split
from components.core.corpora.entries import AUDIO_SUFFIXES, COLUMNS, Entry, Reader, files_below, name_of
from components.core.corpora.formats.common_voice import read_common_voice
from components.core.corpora.formats.folder import read_folder
from components.core.corpora.formats.hf_parquet import read_hf_parquet
from components.core.corpora.formats.lhotse import read_lhotse
from components.core.corpora.formats.librispeech import read_librispeech
from components.core.corpora.formats.ljspeech import read_ljspeech
from components.core.corpora.formats.nemo import read_nemo
from components.core.corpora.formats.upstream import read_upstream
from components.core.corpora.formats.webdataset import read_webdataset
from components.core.corpora.mapping import Mapper, mapper_of
from components.core.corpora.policy import POLICY_FILE, CorpusPolicy, read_policy
from components.core.corpora.recordings import Recording, together
from components.core.digests import digest_of_each, digest_of_file

FORMATS: Mapping[str, Reader] = {
    "folder": read_folder,
    "common_voice": read_common_voice,
    "ljspeech": read_ljspeech,
    "librispeech": read_librispeech,
    "hf_parquet": read_hf_parquet,
    "webdataset": read_webdataset,
    "lhotse": read_lhotse,
    "nemo": read_nemo,
    "upstream": read_upstream,
}
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True)
class Corpus:
    """A corpus that was read and checked: its policy, its recordings by path, and the files its table leaves out."""

    folder: Path
    policy: CorpusPolicy
    recordings: tuple[Recording, ...]
    unlisted: tuple[Path, ...]
    unmapped: Mapping[str, int]
    """How many values of a column its mapping left out."""

    def digest(self, digest_of_content: Callable[[Path], str] = digest_of_file) -> str:
        """Return the digest of everything that is said of the recordings, and of the contents of all audio files."""
        return digest_of_each(self._told(digest_of_content))

    def _told(self, digest_of_content: Callable[[Path], str]) -> Iterator[Any]:
        # A corpus that states no consent keeps the digest that it had before one could be stated.
        yield self.policy.model_dump(mode="json", exclude=None if self.policy.consent else {"consent"})
        yield from map(_told, self.recordings)
        for file in sorted({*(recording.file for recording in self.recordings), *self.unlisted}):
            yield [name_of(file, self.folder), _content(file, digest_of_content)]


def _told(recording: Recording) -> dict[str, Any]:
    # The content of file and member counts, and `path` names them.
    told = {field.name: getattr(recording, field.name) for field in fields(recording)}
    segments = [segment.model_dump() for segment in recording.segments]
    return {**told, "file": None, "member": None, "segments": segments}


def _content(file: Path, digest_of_content: Callable[[Path], str]) -> str:
    try:
        return digest_of_content(file)
    except (OSError, ValueError):  # it will be refused by name; once it can be read, the corpus is another one
        return "unreadable"


def read_corpora(folders: Sequence[Path]) -> tuple[Corpus, ...]:
    """Read corpora and return them by name, whatever the order of the folders.

    Raises:
        ConfigurationError: a folder is not there.
        SourceError: a corpus cannot be used, or two have the same name.
    """
    corpora = sorted((read_corpus(folder) for folder in folders), key=lambda corpus: corpus.policy.name)
    for one, other in pairwise(corpora):
        if one.policy.name == other.policy.name:
            raise SourceError(
                f"{one.folder} and {other.folder}: both are named {one.policy.name!r}; give each corpus its own name"
            )
    return tuple(corpora)


def read_corpus(folder: Path) -> Corpus:
    """Read and check a corpus folder without decoding its audio.

    Raises:
        ConfigurationError: there is no such folder.
        SourceError: it is empty, or a file, line or value cannot be used; the message names it and says what to do.
    """
    policy = read_policy(folder)
    mapper = mapper_of(folder, policy)
    recordings = _recordings(folder, policy, mapper)
    if policy.stretches == "together":
        recordings = together(recordings)
    if not recordings:
        raise SourceError(f"{folder}: no recordings; put audio files ({', '.join(sorted(AUDIO_SUFFIXES))}) into it")
    listed = {recording.file for recording in recordings}
    return Corpus(
        folder=folder,
        policy=policy,
        recordings=tuple(sorted(recordings, key=lambda recording: (recording.path, recording.start_s))),
        unlisted=tuple(file for file in files_below(folder, *AUDIO_SUFFIXES) if file not in listed),
        unmapped=dict(sorted(mapper.left_out.items())),
    )


def licensed_rows(folder: Path, policy: CorpusPolicy) -> Iterator[tuple[str, str]]:
    """Yield the path and the licence of each row of a corpus, one in memory at a time.

    Raises:
        SourceError: a file or a line cannot be read.
    """
    for entry in _reader(folder, policy)(folder, policy):
        yield entry.name, entry.cells.get("licence", "").strip() or policy.licence


def _recordings(folder: Path, policy: CorpusPolicy, mapper: Mapper) -> list[Recording]:
    recordings: list[Recording] = []
    told: dict[tuple[str, float, str], str] = {}
    columns: set[str] = set()
    for entry in _reader(folder, policy)(folder, policy):
        recording = _recording(policy, entry, mapper)
        place = (recording.path, recording.start_s, entry.channel)
        if place in told:
            raise SourceError(f"{entry.where}: path {recording.path!r} is at {told[place]} already; keep one of them")
        told[place] = entry.where
        columns |= entry.cells.keys()
        recordings.append(recording)
    attributes = mapper.names(columns - set(COLUMNS))
    if recordings and (absent := set(policy.attributes) - attributes):
        known = ", ".join(sorted(attributes)) or "none"
        raise SourceError(
            f"{folder / POLICY_FILE}: attribute {min(absent)!r} is no column of attributes; the corpus has {known}"
        )
    return recordings


def _reader(folder: Path, policy: CorpusPolicy) -> Reader:
    if policy.format not in FORMATS:
        meant = get_close_matches(policy.format, FORMATS, n=1)
        hint = f"did you mean {meant[0]}? " if meant else ""
        raise SourceError(f"{folder / POLICY_FILE}: format {policy.format!r}: {hint}known: {', '.join(FORMATS)}")
    return FORMATS[policy.format]


def _recording(policy: CorpusPolicy, entry: Entry, mapper: Mapper) -> Recording:
    known = {name: text for name, cell in entry.cells.items() if name != "path" and (text := cell.strip())}
    domain = _one_of(Domain, "domain", known.get("domain"), entry.where) or policy.domain
    if domain is None:
        raise SourceError(
            f"{entry.where}: nothing says the `domain` of {entry.name!r}; "
            f"write {', '.join(Domain)} here or in {POLICY_FILE}"
        )
    duration_s = _seconds("duration_s", known, entry.where, lambda value: value > 0)
    return Recording(
        corpus=policy.name,
        path=entry.name,
        file=entry.file,
        member=entry.member,
        start_s=_seconds("start_s", known, entry.where, lambda value: value >= 0) or 0.0,
        duration_s=duration_s,
        domain=domain,
        split=_one_of(Split, "split", known.get("split"), entry.where),
        licence=known.get("licence", policy.licence),
        language=known.get("language", policy.language),
        transcript=known.get("transcript"),
        speaker_id=known.get("speaker_id"),
        source_id=known.get("source_id", f"{policy.name}/{entry.name}"),
        attributes=mapper.standard({name: known[name] for name in sorted(known.keys() - set(COLUMNS))}, entry.where),
        describable=policy.attributes,
    )


def _seconds(column: str, known: Mapping[str, str], where: str, fits: Callable[[float], bool]) -> float | None:
    if column not in known:
        return None
    try:
        value = float(known[column])
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and fits(value)):
        raise SourceError(f"{where}: {column} {known[column]!r}: want a number of seconds")
    return value


def _one_of(names: type[E], column: str, value: str | None, where: str) -> E | None:
    if value is not None and value not in set(names):
        raise SourceError(f"{where}: {column} {value!r}: want one of {', '.join(names)}")
    return None if value is None else names(value)
