"""Everything that a generator has said so far: answered once, found by every later run that asks the same.

    generations/<generator>/<sha256 of the content>.parquet     one file for each batch, written whole

The folder may be removed at any time: what is missing is generated again.
"""

import os
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from components.core.contracts.parquet import read_shard, write_shard
from components.core.contracts.records import CONTRACT_VERSION, GeneratorIdentity
from components.core.digests import digest_of, digest_of_bytes, digest_of_file
from components.core.publishing import write_file
from components.self_generate.generation import Reply

_FILES_IN_MEMORY = 16


def generations_of(root: Path, generator: GeneratorIdentity) -> "Generations":
    """Open what this generator has said under `root`."""
    return Generations(root / digest_of({"contract": CONTRACT_VERSION, "generator": generator.model_dump()}))


class Generations:
    """Replies on disk; in memory only where each one is."""

    def __init__(self, folder: Path) -> None:
        """Verify every file: one whose content is not what its name says is set aside, with one line."""
        self._folder = folder
        self._files: dict[str, Path] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.glob("*.parquet")):
            if digest_of_file(path) == path.stem:
                self._list(path)
            else:
                _set_aside(path)

    def __contains__(self, sample_id: str) -> bool:
        return sample_id in self._files

    def __getitem__(self, sample_id: str) -> Reply:
        return _replies_in(self._files[sample_id])[sample_id]

    def keep(self, replies: Sequence[Reply]) -> None:
        """Write a batch of replies, whole or not at all."""
        draft = self._folder / f".{os.getpid()}.draft"
        write_shard(draft, replies, Reply)
        data = draft.read_bytes()
        draft.unlink()
        path = self._folder / f"{digest_of_bytes(data)}.parquet"
        write_file(path, data)
        self._list(path)

    def _list(self, path: Path) -> None:
        for sample_id in _replies_in(path):
            # Two runs at once may have answered the same: the first name wins, in every later run.
            self._files.setdefault(sample_id, path)


@lru_cache(maxsize=_FILES_IN_MEMORY)
def _replies_in(path: Path) -> dict[str, Reply]:
    return {reply.sample_id: reply for reply in read_shard(path, Reply)}


def _set_aside(path: Path) -> None:
    aside = path.with_suffix(".corrupt")
    path.replace(aside)
    print(
        f"self_generate: {aside}: content changed since it was written: set aside, its answers are generated again",
        file=sys.stderr,
    )
