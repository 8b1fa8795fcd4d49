"""The work of ingest_audio: corpora in, clips and refused files out."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Clip, ClipRefusal, RefusedClip
from components.core.corpora.reading import Corpus
from components.core.execution import Outcome, Workplace
from components.core.parallel import cores, in_order
from components.core.progress import report_pace
from components.core.tombstones import Tombstones
from components.ingest_audio.clips import FileDigest, audio_of, make_clip, said_of, source_of
from components.ingest_audio.cutting import cut_at_pauses
from components.ingest_audio.earlier import EarlierClips, KeptShards
from components.ingest_audio.intake import Intake
from components.ingest_audio.settings import IngestAudioSettings
from components.ingest_audio.splits import Placed, place_in_splits, take_evenly

CLIPS_PER_SHARD = 512
"""What a kill costs at the most."""
_NOTHING = Tombstones()


def ingest(
    corpora: Sequence[Corpus],
    settings: IngestAudioSettings,
    place: Workplace,
    *,
    digest: FileDigest,
    earlier: Sequence[Path] = (),
    erased: Tombstones = _NOTHING,
    workers: int | None = None,
) -> Outcome:
    """Write the clips of all corpora in the order of corpus and path, and keep every refused file with its reason.

    `earlier` are shards of clips that need not be decoded again; `workers` threads decode (default: one for each core).
    They change the time it takes and nothing else. What was `erased` is refused.

    Raises:
        SourceError: not one file became a clip.
    """
    started_s = time.monotonic()
    placed = place_in_splits([recording for corpus in corpora for recording in corpus.recordings], settings)
    taken = take_evenly(placed, settings.max_clips, settings.seed)
    kept, threads = KeptShards(place.resume / "shards"), workers or cores()
    known, intake = EarlierClips([*earlier, *kept.paths()]), Intake(place.resume / "refused")
    # Threads do: decoding, resampling, hashing and encoding all release the interpreter lock.
    with ThreadPoolExecutor(threads) as pool:
        cut = in_order(partial(_cut, max_s=settings.max_s), taken, pool, threads)
        tracked = place.progress.track(cut, label="decode", unit="files", total=len(taken))
        pieces = chain.from_iterable(map(intake.counted, tracked))
        work = partial(_clip, settings=settings, digest=digest, known=known, erased=erased)
        results = in_order(work, pieces, pool, threads)
        for shard in place.draft.shards(intake.accepted(results), Clip, rows_per_shard=CLIPS_PER_SHARD):
            kept.keep(shard)
    report_pace("ingest_audio", intake.audio_s, time.monotonic() - started_s)
    place.draft.quarantine(intake.refused(), RefusedClip)
    if not intake.tally.rows_out:
        raise SourceError(_nothing(intake))
    return Outcome(counts=intake.tally.counts(), facts={**intake.facts(corpora), "left_out": len(placed) - len(taken)})


def _cut(placed: Placed, max_s: float) -> tuple[Placed, ...]:
    return cut_at_pauses(placed, audio_of(placed.recording), max_s)


def _clip(
    placed: Placed, settings: IngestAudioSettings, digest: FileDigest, known: EarlierClips, erased: Tombstones
) -> Clip | RefusedClip:
    audio = audio_of(placed.recording)
    source = source_of(placed.recording, audio, digest)
    if source.sha256 in erased.files:
        return RefusedClip(source=source, reason=ClipRefusal.ERASED, detail="its file was erased here")
    found = None if placed.conflict else known.find(source)
    made = (
        found.model_copy(update={"source": source, **said_of(placed)})
        if found
        else make_clip(placed, audio, source, settings)
    )
    if isinstance(made, Clip) and made.clip_id in erased.clips:
        return RefusedClip(
            source=source, reason=ClipRefusal.ERASED, detail="a clip of the same samples was erased here"
        )
    return made


def _nothing(intake: Intake) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(intake.tally.refused.items()))
    first = next(iter(intake.refused()))
    where = f"{first.source.corpus}/{first.source.path}"
    return f"ingest_audio: none of {intake.tally.rows_in} files became a clip ({reasons}); {where!r}: {first.detail}"
