"""Corpora as people have them: a folder of audio files, a `corpus.yaml`, and a table of what is known of each file.

    corpus.yaml     name, licence; optional: attribution, domain, language, attributes, allow_sensitive
    metadata.csv    or metadata.jsonl; optional; `path` (below the folder) and, where known, domain, transcript,
                    language, speaker_id, source_id, split, licence; every other column is an annotated attribute

Without a table every audio file below the folder is a recording. `speaker_id` and `source_id` mean the same person and
the same recording in every corpus of a run; without a `source_id` a file is a recording of its own.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Self, TypeVar

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Domain, Record, Split
from components.core.corpus_tables import TableRow, read_table
from components.core.digests import digest_of, digest_of_file

POLICY_FILE = "corpus.yaml"
TABLE_FILES = ("metadata.csv", "metadata.jsonl")
AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au"})
COLUMNS = ("path", "domain", "transcript", "language", "speaker_id", "source_id", "split", "licence")

# Nobody can hear these: a model that is told them learns to make them up.
_INAUDIBLE = """
    address album artist author birth_date city company composer date file_name filename id job name occupation phone
    postcode reader_id recording_id song_title speaker speaker_name title track url user year
"""
# The special categories of the GDPR (article 9) and what stands for them: a guess from a voice does harm.
_PERSONAL = """
    caste citizenship criminal_record diagnosis disability disease education ethnic_group ethnicity gender_identity
    health immigration_status income marital_status medical_condition mental_health nationality political_opinion
    politics pregnancy race religion sex_life sexual_orientation skin_colour social_class socio_economic_background
    socioeconomic_background socioeconomic_status trade_union wealth
"""
SENSITIVE = frozenset(f"{_INAUDIBLE} {_PERSONAL}".split())
"""Attributes that enter a description only where the corpus names them under `allow_sensitive` as well."""

E = TypeVar("E", bound=StrEnum)


class CorpusPolicy(Record):
    """What `corpus.yaml` says: whose the corpus is, what holds for all of it, and what may be told of a clip."""

    name: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    attribution: str = ""
    domain: Domain | None = None
    language: str | None = None
    attributes: tuple[str, ...] = ()
    allow_sensitive: tuple[str, ...] = ()

    @field_validator("name")
    @classmethod
    def _one_line(cls, name: str) -> str:
        if not name.isprintable():
            raise ValueError("want a name without control characters")
        return name

    @model_validator(mode="after")
    def _nothing_sensitive_by_accident(self) -> Self:
        for name in self.attributes:
            if plain(name) in SENSITIVE and name not in self.allow_sensitive:
                raise ValueError(
                    f"attribute {name!r} is sensitive or cannot be heard; leave it out, "
                    "or write it under allow_sensitive as well"
                )
        if idle := set(self.allow_sensitive) - set(self.attributes):
            raise ValueError(f"allow_sensitive names {min(idle)!r}, which is not among the attributes")
        return self


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """One file of a corpus and what the corpus says of it; `None` where it says nothing.

    `path` is the file's name below the corpus folder, always printable as UTF-8; `file` is where it lies.
    """

    corpus: str
    path: str
    file: Path
    domain: Domain
    split: Split | None
    licence: str
    language: str | None
    transcript: str | None
    speaker_id: str | None
    source_id: str
    attributes: dict[str, str]
    describable: tuple[str, ...]


@dataclass(frozen=True)
class Corpus:
    """A corpus that was read and checked: its policy, its recordings by path, and the files its table leaves out."""

    folder: Path
    policy: CorpusPolicy
    recordings: tuple[Recording, ...]
    unlisted: tuple[Path, ...]

    def digest(self) -> str:
        """Return the digest of the names and contents of `corpus.yaml`, the table and all audio files."""
        own = (self.folder / name for name in (POLICY_FILE, *TABLE_FILES))
        files = [*(file for file in own if file.is_file()), *(r.file for r in self.recordings), *self.unlisted]
        return digest_of({_text_of(file.relative_to(self.folder)): _content(file) for file in files})


def _content(file: Path) -> str:
    try:
        return digest_of_file(file)
    except (OSError, ValueError):  # it will be refused by name; once it can be read, the corpus is another one
        return "unreadable"


def plain(name: str) -> str:
    """Return the name of an attribute in one form: `Song-Title` is `song_title`."""
    return re.sub(r"[\s\-_]+", "_", name.strip().lower())


def read_corpora(folders: Sequence[Path]) -> tuple[Corpus, ...]:
    """Read corpora and return them by name, whatever the order of the folders.

    Raises:
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
    """Read and check a corpus folder without opening its audio.

    Raises:
        SourceError: it is empty, or a file, line or value cannot be used; the message names it and says what to do.
    """
    policy = _read_policy(folder)
    tables = [folder / name for name in TABLE_FILES if (folder / name).is_file()]
    if len(tables) > 1:
        raise SourceError(f"{folder}: has {' and '.join(TABLE_FILES)}; keep one")
    found = _audio_below(folder)
    recordings = _listed(folder, policy, tables[0]) if tables else _unannotated(folder, policy, found)
    if not recordings:
        raise SourceError(f"{folder}: no recordings; put audio files ({', '.join(sorted(AUDIO_SUFFIXES))}) into it")
    listed = {recording.file for recording in recordings}
    return Corpus(
        folder=folder,
        policy=policy,
        recordings=tuple(sorted(recordings, key=lambda recording: recording.path)),
        unlisted=tuple(file for file in found if file not in listed),
    )


def _read_policy(folder: Path) -> CorpusPolicy:
    path = folder / POLICY_FILE
    try:
        # BaseLoader makes nothing but text, lists and mappings: the language `no` is Norwegian and not false.
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=yaml.BaseLoader)  # noqa: S506
        given = {key: value for key, value in content.items() if value} if isinstance(content, dict) else content
        return CorpusPolicy.model_validate(given, strict=False)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceError(f"{folder}: no {POLICY_FILE}; write one with a `name` and a `licence`") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SourceError(f"{path}: mend it: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise SourceError(f"{path}: {_first_fault(error)}") from error


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"unknown key {where!r}; it has {', '.join(CorpusPolicy.model_fields)}"
    if first["type"] == "missing":
        return f"`{where}` is missing; write it"
    if first["type"] == "value_error":
        return first["msg"].removeprefix("Value error, ")
    return f"{where or 'the file'}: {first['msg']}, got {str(first['input'])[:60]!r}"


def _audio_below(folder: Path) -> list[Path]:
    try:
        return sorted(file for file in folder.rglob("*") if file.suffix.lower() in AUDIO_SUFFIXES and file.is_file())
    except OSError as error:
        raise SourceError(f"{error.filename}: cannot be looked into: {error.strerror}; mend its permissions") from error


def _unannotated(folder: Path, policy: CorpusPolicy, files: Iterable[Path]) -> list[Recording]:
    if policy.attributes:
        raise SourceError(f"{folder / POLICY_FILE}: attributes without a {' or '.join(TABLE_FILES)} that has them")
    return [_recording(folder, policy, file, {}, str(folder / POLICY_FILE)) for file in files]


def _listed(folder: Path, policy: CorpusPolicy, table: Path) -> list[Recording]:
    recordings: list[Recording] = []
    lines: dict[Path, int] = {}
    columns: set[str] = set()
    for row in _checked_rows(table, columns):
        file = _located(folder, row)
        if file in lines:
            raise SourceError(f"{row}: path {row.cells['path']!r} is on line {lines[file]} already; keep one of them")
        lines[file] = row.line
        recordings.append(_recording(folder, policy, file, row.cells, str(row)))
    if recordings and (absent := set(policy.attributes) - (columns - set(COLUMNS))):
        raise SourceError(
            f"{folder / POLICY_FILE}: attribute {min(absent)!r} is no column of attributes in {table.name}"
        )
    return recordings


def _checked_rows(table: Path, columns: set[str]) -> Iterator[TableRow]:
    """Yield the rows, and gather the names of their columns."""
    for row in read_table(table):
        if "path" not in row.cells:
            raise SourceError(f"{row}: no column `path`; it has {', '.join(row.cells) or 'none'}")
        for column in row.cells.keys() - columns:
            if column not in COLUMNS and (meant := get_close_matches(plain(column), COLUMNS, n=1, cutoff=0.85)):
                raise SourceError(f"{row}: column {column!r}: write `{meant[0]}`, or give the attribute another name")
            columns.add(column)
        yield row


def _located(folder: Path, row: TableRow) -> Path:
    path = PurePosixPath(row.cells["path"])
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise SourceError(f"{row}: path {row.cells['path']!r}: want a file below the corpus folder")
    return folder / path


def _recording(folder: Path, policy: CorpusPolicy, file: Path, cells: Mapping[str, str], where: str) -> Recording:
    known = {name: text for name, cell in cells.items() if name != "path" and (text := cell.strip())}
    path = _text_of(file.relative_to(folder))
    domain = _one_of(Domain, "domain", known.get("domain"), where) or policy.domain
    if domain is None:
        raise SourceError(
            f"{where}: nothing says the `domain` of {path!r}; write {', '.join(Domain)} here or in {POLICY_FILE}"
        )
    return Recording(
        corpus=policy.name,
        path=path,
        file=file,
        domain=domain,
        split=_one_of(Split, "split", known.get("split"), where),
        licence=known.get("licence", policy.licence),
        language=known.get("language", policy.language),
        transcript=known.get("transcript"),
        speaker_id=known.get("speaker_id"),
        source_id=known.get("source_id", f"{policy.name}/{path}"),
        attributes={name: known[name] for name in sorted(known.keys() - set(COLUMNS))},
        describable=policy.attributes,
    )


def _one_of(names: type[E], column: str, value: str | None, where: str) -> E | None:
    if value is not None and value not in set(names):
        raise SourceError(f"{where}: {column} {value!r}: want one of {', '.join(names)}")
    return None if value is None else names(value)


def _text_of(path: Path) -> str:
    """Return a file name as text; bytes that are not UTF-8 are written as escapes."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def corpus_name(folder: Path) -> str:
    """Return the name of the corpus in a folder; SourceError when its `corpus.yaml` cannot be used."""
    return _read_policy(folder).name


def corpus_digest(folder: Path) -> str:
    """Return the digest of the corpus in a folder, as `Corpus.digest`; SourceError when it cannot be used."""
    return read_corpus(folder).digest()
