"""What validation knows of clips and samples before it reads the samples: ids and places, no audio, no text."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow.parquet as pq

from components.core.contracts.artifacts import Artifact

KnownClips = dict[str, tuple[str, str]]
"""Domain and split by clip id: about 0.2 kB a clip, the only thing here that grows with the data."""


def known_clips(clips: Artifact) -> KnownClips:
    """Read domain and split of every clip, without its audio."""
    return {clip_id: (domain, split) for clip_id, domain, split in _columns(clips, "clip_id", "domain", "split")}


class Uses:
    """Counts how often each sample id was there before.

    Only ids that look repeated are remembered: a first pass keeps 8 bytes of each id, and equal ones are suspects.
    """

    def __init__(self, samples: Artifact) -> None:
        heads = np.fromiter((_head(sample_id) for (sample_id,) in _columns(samples, "sample_id")), dtype=np.uint64)
        values, counts = np.unique(heads, return_counts=True)
        self._suspects = frozenset(values[counts > 1].tolist())
        self._uses: Counter[str] = Counter()

    def before(self, sample_id: str) -> int:
        """Return how many samples with this id came before, and count this one."""
        if _head(sample_id) not in self._suspects:
            return 0
        self._uses[sample_id] += 1
        return self._uses[sample_id] - 1


def _head(sample_id: str) -> int:
    return int(sample_id[:16], 16)


def _columns(artifact: Artifact, *names: str) -> Iterator[tuple[str, ...]]:
    """Yield some text columns of the accepted rows; the artifact has been verified when it was opened."""
    for entry in artifact.manifest.files:
        if entry.path.startswith("part-"):
            with pq.ParquetFile(artifact.folder / entry.path) as file:
                for batch in file.iter_batches(columns=list(names)):
                    yield from zip(*(batch.column(name).to_pylist() for name in names), strict=True)
