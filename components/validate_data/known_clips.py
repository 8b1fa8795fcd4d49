"""What validation knows of clips and samples before it reads the samples: ids and places, no audio, no text."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from components.core.contracts.artifacts import Artifact
from components.core.contracts.records import Clip
from components.core.digests import seed_of
from components.validate_data.contamination import Exposure, exposures_of

_ONES_OWN = ("clip_id", "domain", "split", "source.corpus", "duration_s")
_SHARED = ("speaker_id", "segments.list.element.speaker_id", "source.source_id", "source.sha256", "fingerprint")
_COMPARED = ("clip_id", "split", *_SHARED)
_ID = np.dtype("S32")
_ROW = np.dtype([("clip_id", _ID), ("group", np.int32), ("duration_s", np.float64)])


class KnownClip(NamedTuple):
    """What a sample is compared with; `exposure` is what the clip shares with another split or the blocklist."""

    domain: str
    split: str
    corpus: str
    duration_s: float
    exposure: Exposure | None


class KnownClips(Mapping[str, KnownClip]):
    """Clips by their id, about 44 bytes a clip: ids stand sorted, and what many clips have in common stands once."""

    def __init__(self, tables: Iterable[pa.Table], exposures: Mapping[str, Exposure]) -> None:
        groups: dict[tuple[str, str, str], int] = {}
        rows = np.concatenate([np.empty(0, _ROW), *(_rows(table, groups) for table in tables)])
        rows = rows[np.argsort(rows["clip_id"], kind="stable")]
        rows = rows[np.append(rows["clip_id"][1:] != rows["clip_id"][:-1], True)[: len(rows)]]  # the last of each
        # Searching a column of `rows` would copy it each time.
        self._ids, self._durations_s = rows["clip_id"].copy(), rows["duration_s"].copy()
        self._group_of, self._groups = rows["group"].copy(), [*groups]
        self.groups = frozenset(self._groups[number] for number in np.unique(self._group_of))
        """The domain, split and corpus of the clips, each combination once."""
        self._exposures = exposures

    def __getitem__(self, clip_id: str) -> KnownClip:
        place = self._place(clip_id)
        domain, split, corpus = self._groups[self._group_of[place]]
        return KnownClip(domain, split, corpus, float(self._durations_s[place]), self._exposures.get(clip_id))

    def __iter__(self) -> Iterator[str]:
        return map(_name, self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def _place(self, clip_id: str) -> int:
        try:
            sought = np.array(bytes.fromhex(clip_id), _ID)
        except ValueError:
            raise KeyError(clip_id) from None
        place = int(np.searchsorted(self._ids, sought))
        if place == len(self) or _name(self._ids[place]) != clip_id:
            raise KeyError(clip_id)
        return place


def _rows(table: pa.Table, groups: dict[tuple[str, str, str], int]) -> NDArray[np.void]:
    ids, domains, splits, corpora, durations_s = (table[name].to_pylist() for name in _ONES_OWN)
    numbers = [groups.setdefault(group, len(groups)) for group in zip(domains, splits, corpora, strict=True)]
    return np.array([*zip(map(bytes.fromhex, ids), numbers, durations_s, strict=True)], _ROW)


def _name(packed: bytes) -> str:
    return packed.ljust(_ID.itemsize, b"\0").hex()  # NumPy leaves out zeros at the end


def known_clips(clips: Artifact, blocklist: frozenset[str] = frozenset()) -> KnownClips:
    """Read what is said of every clip, without its audio."""
    exposures = exposures_of(lambda: clips.columns(Clip, *_COMPARED), blocklist)
    return KnownClips(clips.columns(Clip, *_ONES_OWN), exposures)


class Uses:
    """Counts how often each key was there before, without remembering keys that are there once.

    A first pass keeps 8 bytes of each key; only those that look equal are suspects, and counted by their whole name.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        heads = np.fromiter((seed_of(0, key) for key in keys), dtype=np.uint64)
        heads.sort()
        self._suspects = frozenset(heads[1:][heads[1:] == heads[:-1]].tolist())
        self._uses: Counter[str] = Counter()

    def before(self, key: str) -> int:
        """Return how many times this key came before, and count this time."""
        if seed_of(0, key) not in self._suspects:
            return 0
        self._uses[key] += 1
        return self._uses[key] - 1
