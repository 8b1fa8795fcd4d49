"""What must be heard in one split only: a clip, a recording, a speaker; and what must not be heard at all.

The splits that measure keep what they share: of two clips with one speaker, the one in the less protected split is
contaminated. Equality is all that is asked here; what sounds nearly alike is refused when audio is ingested.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.core.contracts.records import Split

_PROTECTION = [Split.TRAIN.value, Split.VALIDATION.value, Split.EVALUATION.value]
"""The splits, the most protected last."""
_SHARED = {"clip_id": "clip", "source.source_id": "recording", "speaker_id": "speaker", "fingerprint": "sound"}
_LONGEST_NAME = 40
_RANK_BITS = np.uint64(2)

_Marks = NDArray[np.uint64]


class Exposure(NamedTuple):
    """Why a clip must not serve a split: `held_by` is the most protected split that has the same; `None` bars all."""

    what: str
    held_by: str | None

    def __str__(self) -> str:
        return f"shares {self.what} with {self.held_by}" if self.held_by else f"is on {self.what}"

    def contaminates(self, split: str) -> bool:
        """Tell whether a sample of this split must not be about the clip."""
        return self.held_by is None or _PROTECTION.index(split) < _PROTECTION.index(self.held_by)


def exposures_of(read: Callable[[], Iterable[pa.Table]], blocklist: frozenset[str]) -> Mapping[str, Exposure]:
    """Return the exposure of each clip that has one, by its id.

    `read` yields the clips, again each time it is called, in tables with the columns clip_id, split, source.source_id,
    speaker_id, segments (with a speaker_id), fingerprint and source.sha256. Of a clip that is not exposed 8 bytes are
    kept for each thing that it could share.
    """
    found: dict[str, Exposure] = {}
    if suspicious := _suspicious(read):
        ranked = pa.concat_tables(suspicious)
        for column, word in _SHARED.items():
            for clip_id, name, split in _shared(ranked, column):
                exposure = Exposure(f"{word} {name[:_LONGEST_NAME]!r}", split)
                if clip_id not in found or exposure.contaminates(found[clip_id].held_by or split):
                    found[clip_id] = exposure
    for table in read() if blocklist else ():
        found |= dict.fromkeys(_blocked(table, blocklist), Exposure("the blocklist", None))
    return found


def _suspicious(read: Callable[[], Iterable[pa.Table]]) -> list[pa.Table]:
    """Return the rows of clips that have something in common with another split, and a few that only look so."""
    marks: dict[str, list[_Marks]] = {column: [np.empty(0, np.uint64)] for column in _SHARED}
    for ranked in map(_ranked, read()):
        for column, of_column in marks.items():
            of_column.append(_marks(ranked, column))
    suspects = {column: _in_two_splits(np.concatenate(of_column)) for column, of_column in marks.items()}
    if not any(suspects.values()):
        return []
    return [ranked.filter(pa.array(_any_of(suspects, ranked))) for ranked in map(_ranked, read())]


def _marks(ranked: pa.Table, column: str) -> _Marks:
    """Return 62 bits of each value, then its rank; 0 where there is no value."""
    values = ranked[column].to_pylist()
    heads = np.fromiter(map(hash, values), np.int64, len(values)).view(np.uint64)
    marks = heads >> _RANK_BITS << _RANK_BITS | ranked["rank"].to_numpy().astype(np.uint64)
    return np.where(ranked[column].is_valid().to_numpy(), marks, np.uint64(0))


def _in_two_splits(marks: _Marks) -> frozenset[int]:
    heads, splits = np.unique(np.unique(marks) >> _RANK_BITS, return_counts=True)
    return frozenset(heads[splits > 1].tolist())


def _any_of(suspects: Mapping[str, frozenset[int]], ranked: pa.Table) -> list[bool]:
    heads = [(_marks(ranked, column) >> _RANK_BITS).tolist() for column in suspects]
    return [any(map(frozenset.__contains__, suspects.values(), row)) for row in zip(*heads, strict=True)]


def _ranked(clips: pa.Table) -> pa.Table:
    ranks = pc.index_in(clips["split"], value_set=pa.array(_PROTECTION))
    return _with_speakers_of_segments(clips.append_column("rank", ranks))


def _with_speakers_of_segments(clips: pa.Table) -> pa.Table:
    """Add a row for each segment, with its clip's id and rank and a speaker of its own."""
    segments = clips["segments"].combine_chunks()
    within = pc.list_parent_indices(segments)
    of_segments = {
        "clip_id": clips["clip_id"].take(within),
        "rank": clips["rank"].take(within),
        "speaker_id": pc.struct_field(pc.list_flatten(segments), "speaker_id"),
    }
    columns = [*_SHARED, "rank"]
    return pa.concat_tables([clips.select(columns), pa.table(of_segments)], promote_options="default")


def _shared(clips: pa.Table, column: str) -> Iterator[tuple[str, str, str]]:
    """Yield each clip whose value in a column is in two splits, with that value and the most protected of them."""
    known = clips.select(sorted({"clip_id", column, "rank"})).filter(pc.is_valid(clips[column]))
    groups = known.group_by(column).aggregate([("rank", "min"), ("rank", "max")])
    spread = groups.filter(pc.not_equal(groups["rank_min"], groups["rank_max"]))
    held = dict(zip(spread[column].to_pylist(), spread["rank_max"].to_pylist(), strict=True))
    exposed = known.filter(pc.is_in(known[column], value_set=spread[column].combine_chunks()))
    for clip_id, name in zip(exposed["clip_id"].to_pylist(), exposed[column].to_pylist(), strict=True):
        yield clip_id, name, _PROTECTION[held[name]]


def _blocked(clips: pa.Table, blocklist: frozenset[str]) -> list[str]:
    listed = pa.array(sorted(blocklist), pa.string())
    either = pc.or_(pc.is_in(clips["clip_id"], value_set=listed), pc.is_in(clips["source.sha256"], value_set=listed))
    blocked: list[str] = clips.filter(either)["clip_id"].to_pylist()
    return blocked
