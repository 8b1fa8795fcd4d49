"""Artifacts: folders of files with a manifest that is written last, so that a folder with a manifest is whole.

    clips/  part-00000.parquet  part-00001.parquet  quarantine.parquet  manifest.json

`files` are the content and make the digest; `attachments` (logs, reports for people) are verified but do not.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import pyarrow as pa
from pydantic import Field, ValidationError, model_validator

from components.core.contracts.errors import ContractError
from components.core.contracts.parquet import read_columns, read_shard, write_shard, write_shards
from components.core.contracts.records import CONTRACT_VERSION, Record, Sha256
from components.core.digests import canonical_json, digest_of, digest_of_file
from components.core.publishing import write_file

MANIFEST = "manifest.json"
QUARANTINE = "quarantine.parquet"
ROWS_PER_SHARD = 512

R = TypeVar("R", bound=Record)


class FileEntry(Record):
    """One file of an artifact, by its path relative to the manifest."""

    path: str
    sha256: Sha256
    bytes: int = Field(ge=0)


class Lineage(Record):
    """What an artifact was made from: enough to say why another one differs."""

    stage: str
    key: Sha256
    code: Sha256
    settings: dict[str, Any]
    inputs: dict[str, Sha256]
    models: dict[str, Sha256]
    sources: dict[str, Sha256]


class Counts(Record):
    """The rows of a stage: what came in is what went out plus what was refused, by reason."""

    rows_in: int = Field(ge=0)
    rows_out: int = Field(ge=0)
    refused: dict[str, int]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.rows_in != self.rows_out + sum(self.refused.values()):
            raise ValueError(f"rows do not add up: {self.rows_in} in, {self.rows_out} out, refused {self.refused}")
        return self


class Manifest(Record):
    """The table of contents of an artifact and the promise that it is whole."""

    contract: str
    kind: str
    counts: Counts
    facts: dict[str, Any]
    files: tuple[FileEntry, ...]
    attachments: tuple[FileEntry, ...]
    lineage: Lineage
    digest: Sha256

    def content_digest(self) -> str:
        """Return the digest of what the artifact holds; where and when it was made does not enter."""
        content = self.model_dump(mode="json", include={"contract", "kind", "counts", "facts", "files"})
        return digest_of(content)


class Tally:
    """Counts rows while they flow."""

    def __init__(self) -> None:
        self.rows_in = 0
        self.rows_out = 0
        self.refused: Counter[str] = Counter()

    def counts(self) -> Counts:
        """Freeze the tally.

        Raises:
            ContractError: a row got lost on the way.
        """
        try:
            return Counts(rows_in=self.rows_in, rows_out=self.rows_out, refused=dict(sorted(self.refused.items())))
        except ValidationError as error:
            raise ContractError(error.errors()[0]["msg"]) from error


class Draft:
    """An artifact on its way: a folder that gets its manifest last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._attachments: set[str] = set()

    def write(self, records: Iterable[R], record: type[R], *, rows_per_shard: int = ROWS_PER_SHARD) -> None:
        """Write the accepted rows as shards, one in memory at a time."""
        deque(self.shards(records, record, rows_per_shard=rows_per_shard), maxlen=0)

    def shards(self, records: Iterable[R], record: type[R], *, rows_per_shard: int) -> Iterator[Path]:
        """Write the accepted rows as shards and yield each one when it is whole."""
        return write_shards(self.folder, records, record, rows_per_shard)

    def quarantine(self, records: Iterable[R], record: type[R]) -> None:
        """Write the refused rows; the file is there also when there are none."""
        write_shard(self.folder / QUARANTINE, records, record)

    def attach(self, *paths: Path) -> None:
        """Mark files inside the folder as documents about the content, which do not enter the digest."""
        self._attachments |= {path.relative_to(self.folder).as_posix() for path in paths}

    def close(self, *, kind: str, counts: Counts, facts: Mapping[str, Any], lineage: Lineage) -> Manifest:
        """Write the manifest and return it."""
        entries = [self._entry(path) for path in sorted(self.folder.rglob("*")) if path.is_file()]
        files = tuple(e for e in entries if e.path not in self._attachments)
        draft = Manifest(
            contract=CONTRACT_VERSION,
            kind=kind,
            counts=counts,
            facts=dict(facts),
            files=files,
            attachments=tuple(e for e in entries if e.path in self._attachments),
            lineage=lineage,
            digest="0" * 64,
        )
        manifest = draft.model_copy(update={"digest": draft.content_digest()})
        write_file(self.folder / MANIFEST, canonical_json(manifest.model_dump(mode="json")) + "\n")
        return manifest

    def _entry(self, path: Path) -> FileEntry:
        name = path.relative_to(self.folder).as_posix()
        return FileEntry(path=name, sha256=digest_of_file(path), bytes=path.stat().st_size)


@dataclass(frozen=True)
class Artifact:
    """A whole and verified artifact on disk."""

    folder: Path
    manifest: Manifest

    @property
    def digest(self) -> str:
        """The content digest."""
        return self.manifest.digest

    @property
    def shards(self) -> list[Path]:
        """The files of the accepted rows."""
        return [self.folder / entry.path for entry in self.manifest.files if entry.path.startswith("part-")]

    def read(self, record: type[R]) -> Iterator[R]:
        """Yield the accepted rows in their order."""
        for shard in self.shards:
            yield from read_shard(shard, record)

    def columns(self, record: type[Record], *names: str) -> Iterator[pa.Table]:
        """Yield some columns of the accepted rows (see `read_columns`), one file at a time."""
        for shard in self.shards:
            yield read_columns(shard, record, names)

    def read_quarantine(self, record: type[R]) -> Iterator[R]:
        """Yield the refused rows."""
        yield from read_shard(self.folder / QUARANTINE, record)


def open_artifact(folder: Path, kind: str | None = None) -> Artifact:
    """Read an artifact and verify every byte of it.

    Raises:
        ContractError: no manifest, another kind or contract version, a file missing, added or changed; names the file.
    """
    manifest = read_manifest(folder)
    if kind is not None and manifest.kind != kind:
        raise ContractError(f"{folder}: holds {manifest.kind}, want {kind}; pass the output of another stage")
    listed = {entry.path: entry for entry in (*manifest.files, *manifest.attachments)}
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {MANIFEST}
    if odd := sorted(present ^ set(listed)):
        raise ContractError(f"{folder / odd[0]}: {'not in the manifest' if odd[0] in present else 'missing'}; {_MEND}")
    for entry in listed.values():
        if digest_of_file(folder / entry.path) != entry.sha256:
            raise ContractError(
                f"{folder / entry.path}: content changed since it was written (want {entry.sha256}); {_MEND}"
            )
    return Artifact(folder, manifest)


_MEND = "remove the folder and run again"


def read_manifest(folder: Path) -> Manifest:
    """Read and check a manifest without reading the files it lists.

    Raises:
        ContractError: it is missing, not readable, of another contract version, or changed by hand.
    """
    path = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(path.read_bytes(), strict=False)
    except FileNotFoundError as error:
        raise ContractError(
            f"{folder}: no {MANIFEST}: the artifact is not complete; run the stage that makes it"
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ContractError(f"{path}: not a manifest: {where}: {first['msg']}; {_MEND}") from error
    if manifest.contract != CONTRACT_VERSION:
        raise ContractError(
            f"{path}: contract version {manifest.contract}, this code reads {CONTRACT_VERSION}; run again"
        )
    if manifest.content_digest() != manifest.digest:
        raise ContractError(f"{path}: the manifest does not match its own digest {manifest.digest}; {_MEND}")
    return manifest
