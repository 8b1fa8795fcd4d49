"""What must be heard in one split only: a clip, a recording, a speaker; and what must not be heard at all.

The splits that measure keep what they share: of two clips with one speaker, the one in the less protected split is
contaminated. Equality is all that is asked here; what sounds nearly alike is refused when audio is ingested.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from components.core.contracts.records import Split

_PROTECTION = [Split.TRAIN.value, Split.VALIDATION.value, Split.EVALUATION.value]
"""The splits, the most protected last."""
_SHARED = {"clip_id": "clip", "source.source_id": "recording", "speaker_id": "speaker", "fingerprint": "sound"}
_LONGEST_NAME = 40


class Exposure(NamedTuple):
    """Why a clip must not serve a split: `held_by` is the most protected split that has the same; `None` bars all."""

    what: str
    held_by: str | None

    def __str__(self) -> str:
        return f"shares {self.what} with {self.held_by}" if self.held_by else f"is on {self.what}"

    def contaminates(self, split: str) -> bool:
        """Tell whether a sample of this split must not be about the clip."""
        return self.held_by is None or _PROTECTION.index(split) < _PROTECTION.index(self.held_by)


def exposures_of(clips: pa.Table, blocklist: frozenset[str]) -> Mapping[str, Exposure]:
    """Return the exposure of each clip that has one, by its id.

    `clips` has the columns clip_id, split, source.source_id, speaker_id, segments (with a speaker_id), fingerprint and
    source.sha256. What is kept grows with the exposed clips only.
    """
    ranks = pc.index_in(clips["split"], value_set=pa.array(_PROTECTION))
    ranked = _with_speakers_of_segments(clips.append_column("rank", ranks))
    found: dict[str, Exposure] = {}
    for column, word in _SHARED.items():
        for clip_id, name, split in _shared(ranked, column):
            exposure = Exposure(f"{word} {name[:_LONGEST_NAME]!r}", split)
            if clip_id not in found or exposure.contaminates(found[clip_id].held_by or split):
                found[clip_id] = exposure
    for clip_id in _blocked(clips, blocklist):
        found[clip_id] = Exposure("the blocklist", None)
    return found


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
