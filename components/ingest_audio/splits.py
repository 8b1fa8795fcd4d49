"""Which split a recording belongs to, and which recordings a small run takes: decided by ids, never by order.

No speaker and no source recording is in two splits. What the corpora say comes first; a recording without a split
joins its speaker, else its source, else draws one by the hash of its speaker or source.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from components.core.contracts.records import Domain, Split
from components.core.corpora.recordings import Recording
from components.core.digests import seed_of
from components.ingest_audio.settings import IngestAudioSettings


@dataclass(frozen=True, slots=True)
class Placed:
    """A recording and its split; `conflict` says why it cannot be there."""

    recording: Recording
    split: Split
    conflict: str | None


@dataclass(frozen=True, slots=True)
class _Owner:
    split: Split
    recording: Recording


def place_in_splits(recordings: Sequence[Recording], settings: IngestAudioSettings) -> list[Placed]:
    """Give each recording its split; where two disagree, the first one in the order given wins."""
    owners: dict[tuple[str, str], _Owner] = {}
    told_first = sorted(range(len(recordings)), key=lambda number: recordings[number].split is None)
    placed = {number: _place(recordings[number], owners, settings) for number in told_first}
    return [placed[number] for number in range(len(recordings))]


def _place(recording: Recording, owners: dict[tuple[str, str], _Owner], settings: IngestAudioSettings) -> Placed:
    groups = _groups(recording)
    held = [(group, owners[group]) for group in groups if group in owners]
    split = recording.split or (held[0][1].split if held else _drawn(groups[0], settings))
    for (kind, name), owner in held:
        if owner.split is not split:
            other = f"{owner.recording.corpus}/{owner.recording.path}"
            conflict = f"{split}, but {kind} {name!r} is in {owner.split} with {other!r}; move or rename one of them"
            return Placed(recording, split, conflict)
    for group in groups:
        owners.setdefault(group, _Owner(split, recording))
    return Placed(recording, split, None)


def _groups(recording: Recording) -> list[tuple[str, str]]:
    """Return what a recording shares with others, its speakers first."""
    speakers = dict.fromkeys([recording.speaker_id, *(segment.speaker_id for segment in recording.segments)])
    return [*(("speaker_id", speaker) for speaker in speakers if speaker), ("source_id", recording.source_id)]


def _drawn(group: tuple[str, str], settings: IngestAudioSettings) -> Split:
    drawn = seed_of(settings.seed, "split", *group) / 2**63
    if drawn < settings.evaluation_share:
        return Split.EVALUATION
    return Split.VALIDATION if drawn < settings.evaluation_share + settings.validation_share else Split.TRAIN


def take_evenly(placed: Sequence[Placed], most: int, seed: int) -> list[Placed]:
    """Return at most so many (0: all), in their order: one of each domain and split, then in proportion to their sizes.

    The choice depends on the seed and the names of the recordings alone.
    """
    if not most or most >= len(placed):
        return list(placed)
    strata: defaultdict[tuple[Domain, Split], list[int]] = defaultdict(list)
    for number in sorted(range(len(placed)), key=lambda number: _draw(placed[number].recording, seed)):
        strata[placed[number].recording.domain, placed[number].split].append(number)
    ranked = sorted(_ranked(strata.values()))
    return [placed[number] for number in sorted(number for _, _, number in ranked[:most])]


def _draw(recording: Recording, seed: int) -> int:
    # Stretches of one file differ in where they begin; a whole file draws by its name alone.
    start = [f"{recording.start_s:g}"] if recording.start_s else []
    return seed_of(seed, "subset", recording.corpus, recording.path, *start)


def _ranked(strata: Iterable[list[int]]) -> Iterable[tuple[float, int, int]]:
    """Yield how far into its stratum each member stands; on a tie the smaller stratum comes first."""
    for stratum in strata:
        for rank, number in enumerate(stratum):
            yield rank / len(stratum), len(stratum), number
