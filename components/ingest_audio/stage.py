"""The work of ingest_audio: corpora in, clips and refused files out."""

import os
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from components.core.contracts.artifacts import Tally
from components.core.contracts.errors import SourceError
from components.core.contracts.records import Clip, ClipRefusal, RefusedClip, Source
from components.core.corpora.reading import Corpus
from components.core.execution import Outcome, Workplace
from components.ingest_audio.clips import make_clip
from components.ingest_audio.settings import IngestAudioSettings
from components.ingest_audio.splits import place_in_splits, take_evenly

T = TypeVar("T")
U = TypeVar("U")


def ingest(
    corpora: Sequence[Corpus], settings: IngestAudioSettings, place: Workplace, workers: int | None = None
) -> Outcome:
    """Write the clips of all corpora in the order of corpus and path, and keep every refused file with its reason.

    `workers` threads decode (default: one for each core); they change the time it takes and nothing else.

    Raises:
        SourceError: not one file became a clip.
    """
    recordings = [recording for corpus in corpora for recording in corpus.recordings]
    placed = place_in_splits(recordings, settings)
    taken = take_evenly(placed, settings.max_clips, settings.seed)
    results = in_order(partial(make_clip, settings=settings), taken, workers or len(os.sched_getaffinity(0)))
    intake = Intake()
    tracked = place.progress.track(results, label="decode", unit="files", total=len(taken))
    place.draft.write(intake.accepted(tracked), Clip)
    place.draft.quarantine(intake.refused, RefusedClip)
    if not intake.tally.rows_out:
        raise SourceError(_nothing(intake))
    return Outcome(counts=intake.tally.counts(), facts={**intake.facts(corpora), "left_out": len(placed) - len(taken)})


def _nothing(intake: "Intake") -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(intake.tally.refused.items()))
    first = intake.refused[0]
    where = f"{first.source.corpus}/{first.source.path}"
    return f"ingest_audio: none of {intake.tally.rows_in} files became a clip ({reasons}); {where!r}: {first.detail}"


@dataclass
class Intake:
    """Counts what flows by, refuses what was there before, and remembers where each clip came from."""

    tally: Tally = field(default_factory=Tally)
    refused: list[RefusedClip] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    clips: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: defaultdict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    of_corpus: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    speakers: set[str] = field(default_factory=set)

    def accepted(self, results: Iterable[Clip | RefusedClip]) -> Iterator[Clip]:
        """Pass on the clips that are new, one at a time."""
        for result in results:
            self.tally.rows_in += 1
            judged = self._judge(result)
            if isinstance(judged, RefusedClip):
                self.tally.refused[judged.reason] += 1
                self.refused.append(judged)
            else:
                self._count(judged)
                yield judged

    def _judge(self, result: Clip | RefusedClip) -> Clip | RefusedClip:
        if isinstance(result, RefusedClip):
            return result
        if first := self.sources.get(result.clip_id):
            detail = f"has the samples of {first!r}"
            return RefusedClip(source=result.source, reason=ClipRefusal.DUPLICATE, detail=detail)
        self.sources[result.clip_id] = _name(result.source)
        return result

    def _count(self, clip: Clip) -> None:
        self.tally.rows_out += 1
        self.clips[clip.domain, clip.split] += 1
        self.seconds[clip.domain, clip.split] += clip.duration_s
        self.of_corpus[clip.source.corpus] += 1
        if clip.language:
            self.languages[clip.language] += 1
        if clip.speaker_id:
            self.speakers.add(clip.speaker_id)

    def facts(self, corpora: Sequence[Corpus]) -> dict[str, Any]:
        """Return clips and seconds by domain and split, speakers, languages, and what each corpus gave."""
        domains: dict[str, dict[str, dict[str, float]]] = {}
        for (domain, split), count in sorted(self.clips.items()):
            seconds = round(self.seconds[domain, split], 3)
            domains.setdefault(domain, {})[split] = {"clips": count, "seconds": seconds}
        return {
            "domains": domains,
            "speakers": len(self.speakers),
            "languages": dict(sorted(self.languages.items())),
            "corpora": {corpus.policy.name: self._corpus_facts(corpus) for corpus in corpora},
        }

    def _corpus_facts(self, corpus: Corpus) -> dict[str, Any]:
        policy = corpus.policy
        terms = {"licence": policy.licence, "attribution": policy.attribution}
        return {"clips": self.of_corpus[policy.name], "unlisted": len(corpus.unlisted), **terms}


def _name(source: Source) -> str:
    return f"{source.corpus}/{source.path}"


def in_order(work: Callable[[T], U], items: Iterable[T], workers: int) -> Iterator[U]:
    """Yield `work(item)` for each item in their order, with a few items for each worker in flight.

    Threads do: decoding, resampling, hashing and encoding all release the interpreter lock.
    """
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[U]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
