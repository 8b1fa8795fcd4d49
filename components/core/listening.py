"""Clips as a page plays them: its own bytes, so that nothing has to be fetched."""

import base64
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

import pyarrow.parquet as pq

from components.core.contracts.artifacts import Artifact


def audio_of(clips: Artifact, wanted: AbstractSet[str]) -> Iterator[tuple[str, str]]:
    """Yield the FLAC files of some clips in base64, by clip id; only the rows around them are read with their audio."""
    for shard in clips.shards:
        with pq.ParquetFile(shard) as file:
            for group in range(file.num_row_groups):
                ids = file.read_row_group(group, columns=["clip_id"])["clip_id"].to_pylist()
                if wanted.isdisjoint(ids):
                    continue
                audio = file.read_row_group(group, columns=["audio"])["audio"]
                for at in (at for at, clip_id in enumerate(ids) if clip_id in wanted):
                    yield ids[at], base64.b64encode(audio[at].as_py()["bytes"]).decode()
