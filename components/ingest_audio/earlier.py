"""Clips that were decoded before: by this stage until it was killed, or for an earlier result.

A clip is found by the place its samples come from, the content of the file among it, so nothing that changed is found.
What a corpus says of a clip is not kept here: that is always read again.
"""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from components.core.contracts.artifacts import Lineage, open_artifact
from components.core.contracts.parquet import read_shard
from components.core.contracts.records import Clip, Source
from components.core.digests import digest_of_file
from components.core.execution import Job, latest_result
from components.core.home import Home

_SHARDS_IN_MEMORY = 2
_PLACE = ("corpus", "path", "sha256", "offset_s", "length_s")

Place = tuple[str, str, str, float, float | None]


class KeptShards:
    """Shards of an unfinished result, each under the digest of its content, so that a kill costs one of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, shard: Path) -> None:
        """Keep a whole shard, without a copy where the file system can."""
        kept = self._folder / f"{digest_of_file(shard)}.parquet"
        if not kept.exists():
            os.link(shard, kept)

    def paths(self) -> list[Path]:
        """Return the shards whose content is what their names say; another one is removed, with one line."""
        kept = []
        for path in sorted(self._folder.glob("*.parquet")):
            if digest_of_file(path) == path.stem:
                kept.append(path)
            else:
                print(f"ingest_audio: {path}: content changed: removed, its clips are decoded again", file=sys.stderr)
                path.unlink()
        return kept


def shards_of_earlier(job: Job, home: Home) -> list[Path]:
    """Return the verified shards of the newest result that the same code decoded in the same way."""
    lineage, newest = job.lineage(), latest_result(home, job.stage)
    if newest is None or newest.lineage.code != lineage.code or _decoding(newest.lineage) != _decoding(lineage):
        return []
    return open_artifact(home.store / job.stage.name / newest.lineage.key).shards


def _decoding(lineage: Lineage) -> tuple[Any, ...]:
    return tuple(lineage.settings[name] for name in ("min_s", "max_s", "silence_dbfs"))


@dataclass(frozen=True, slots=True)
class _Row:
    shard: Path
    number: int


class EarlierClips:
    """Clips on disk by the place that they come from; in memory only where each one is."""

    def __init__(self, shards: Iterable[Path]) -> None:
        self._rows: dict[Place, _Row] = {}
        for shard in shards:
            sources = pq.read_table(shard, columns=["source"]).column("source").to_pylist()
            for number, source in enumerate(sources):
                self._rows[tuple(source[name] for name in _PLACE)] = _Row(shard, number)

    def find(self, source: Source) -> Clip | None:
        """Return the clip of a place, if it was decoded before."""
        row = self._rows.get((source.corpus, source.path, source.sha256, source.offset_s, source.length_s))
        return _clips_in(row.shard)[row.number] if row else None


@lru_cache(maxsize=_SHARDS_IN_MEMORY)
def _clips_in(shard: Path) -> tuple[Clip, ...]:
    return tuple(read_shard(shard, Clip))
