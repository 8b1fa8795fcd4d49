"""What validation knows of clips and samples before it reads the samples: ids and places, no audio, no text."""

from collections import Counter
from collections.abc import Iterable, Mapping
from sys import intern
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from components.core.contracts.artifacts import Artifact
from components.core.contracts.records import Clip
from components.core.digests import seed_of
from components.validate_data.contamination import Exposure, exposures_of

_ONES_OWN = ("clip_id", "domain", "split", "source.corpus", "duration_s")
_SHARED = ("speaker_id", "segments.list.element.speaker_id", "source.source_id", "source.sha256", "fingerprint")


class KnownClip(NamedTuple):
    """What a sample is compared with; `exposure` is what the clip shares with another split or the blocklist."""

    domain: str
    split: str
    corpus: str
    duration_s: float
    exposure: Exposure | None


KnownClips = Mapping[str, KnownClip]
"""Clips by their id: about 0.3 kB a clip, the only thing here that grows with the data."""


def known_clips(clips: Artifact, blocklist: frozenset[str] = frozenset()) -> KnownClips:
    """Read what is said of every clip, without its audio."""
    tables = list(clips.columns(Clip, *_ONES_OWN, *_SHARED))
    if not tables:
        return {}
    table = pa.concat_tables(tables)
    exposures = exposures_of(table, blocklist)
    return {
        clip_id: KnownClip(intern(domain), intern(split), intern(corpus), duration_s, exposures.get(clip_id))
        for batch in table.select(_ONES_OWN).to_batches()
        for clip_id, domain, split, corpus, duration_s in zip(*(c.to_pylist() for c in batch.columns), strict=True)
    }


class Uses:
    """Counts how often each key was there before, without remembering keys that are there once.

    A first pass keeps 8 bytes of each key; only those that look equal are suspects, and counted by their whole name.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        heads = np.fromiter((seed_of(0, key) for key in keys), dtype=np.uint64)
        values, counts = np.unique(heads, return_counts=True)
        self._suspects = frozenset(values[counts > 1].tolist())
        self._uses: Counter[str] = Counter()

    def before(self, key: str) -> int:
        """Return how many times this key came before, and count this time."""
        if seed_of(0, key) not in self._suspects:
            return 0
        self._uses[key] += 1
        return self._uses[key] - 1
