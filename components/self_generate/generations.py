"""Everything that a generator has said so far: answered once, found by every later run that asks the same.

    generations/<generator>/<sha256 of the content>.parquet     one file for each batch, written whole
    generations/.lock                                           held while stages use it, or by who collects from it

The folder may be removed at any time: what is missing is generated again.
"""

import fcntl
import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.core.contracts.errors import ConfigurationError, ContractError
from components.core.contracts.parquet import read_shard, write_shard
from components.core.contracts.records import CONTRACT_VERSION, GeneratorIdentity, Sha256
from components.core.digests import digest_of, digest_of_bytes, digest_of_file
from components.core.publishing import write_file
from components.self_generate.generation import Reply

_FILES_IN_MEMORY = 16


class Kept(Reply):
    """A reply with what else can decide between two equally likely words: the batch it was part of, and the machine.

    `batch` is the digest of the sample ids that were asked together, in their order.
    """

    batch: Sha256
    machine: str


def batch_digest(sample_ids: Sequence[str]) -> str:
    """Name a batch by what is asked in it."""
    return digest_of(list(sample_ids))


def generations_of(root: Path, generator: GeneratorIdentity, machine: str) -> "Generations":
    """Open what this generator has said under `root`; `machine` is where it speaks now."""
    parts = {"contract": CONTRACT_VERSION, "record": list(Kept.model_fields), "generator": generator.model_dump()}
    return Generations(root / digest_of(parts), machine)


class Generations:
    """Replies on disk; in memory only where each one is."""

    def __init__(self, folder: Path, machine: str) -> None:
        """Verify every file: one whose content is not what its name says is set aside, with one line."""
        self._folder, self._machine = folder, machine
        self._files: dict[str, Path] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.glob("*.parquet")):
            if digest_of_file(path) == path.stem:
                self._list(path)
            else:
                _set_aside(path)

    def __contains__(self, sample_id: str) -> bool:
        return sample_id in self._files

    def __getitem__(self, sample_id: str) -> Kept:
        return _replies_in(self._files[sample_id])[sample_id]

    def keep(self, replies: Sequence[Reply]) -> None:
        """Write the replies to a batch, whole or not at all."""
        batch = batch_digest([reply.sample_id for reply in replies])
        data = io.BytesIO()
        write_shard(data, (Kept(**reply.model_dump(), batch=batch, machine=self._machine) for reply in replies), Kept)
        self._list(write_by_content(self._folder, data.getvalue()))

    def _list(self, path: Path) -> None:
        for sample_id in sample_ids_in(path):
            # Two runs at once may have answered the same: the first name wins, in every later run.
            self._files.setdefault(sample_id, path)


@contextmanager
def in_use(root: Path) -> Iterator[None]:
    """Keep collectors away from the generations; waits for one that is at work."""
    with _lock(root) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def undisturbed(root: Path) -> Iterator[None]:
    """Keep everybody else away from the generations.

    Raises:
        ConfigurationError: somebody uses them.
    """
    with _lock(root) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(f"{root}: self_generate is at work here: wait until it ends, or end it") from error
        yield


def write_by_content(folder: Path, data: bytes) -> Path:
    """Write a file that has the digest of its content as its name."""
    path = folder / f"{digest_of_bytes(data)}.parquet"
    write_file(path, data)
    return path


def sample_ids_in(path: Path) -> list[str]:
    """Return the sample ids of a Parquet file in their order, whatever else the file holds.

    Raises:
        ContractError: it is not Parquet or has none.
    """
    try:
        with pq.ParquetFile(path) as file:
            ids: list[str] = file.read(columns=["sample_id"])["sample_id"].to_pylist()
    except (pa.ArrowException, KeyError, OSError) as error:
        line = " ".join(str(error).split())
        raise ContractError(f"{path}: not a file with samples: {line[:200]}; remove it") from error
    return ids


@lru_cache(maxsize=_FILES_IN_MEMORY)
def _replies_in(path: Path) -> dict[str, Kept]:
    return {kept.sample_id: kept for kept in read_shard(path, Kept)}


@contextmanager
def _lock(root: Path) -> Iterator[io.TextIOWrapper]:
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as file:
        yield file


def _set_aside(path: Path) -> None:
    aside = path.with_suffix(".corrupt")
    path.replace(aside)
    print(
        f"self_generate: {aside}: content changed since it was written: set aside, its answers are generated again",
        file=sys.stderr,
    )
