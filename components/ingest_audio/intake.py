"""Judging clips one after another by what was there before, and counting what flows by."""

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from components.core.contracts.artifacts import Tally
from components.core.contracts.parquet import read_shard, write_shard
from components.core.contracts.records import Clip, ClipRefusal, RefusedClip, Source
from components.core.corpora.reading import Corpus
from components.ingest_audio.near_duplicates import NearDuplicates
from components.ingest_audio.splits import Placed

_REFUSED_IN_MEMORY = 4096


class Intake:
    """Refuses what was there before, remembers where each clip came from, and counts.

    Refused clips wait in files, so that memory grows by a name and a print for each clip only.
    """

    def __init__(self, spill: Path) -> None:
        self.tally = Tally()
        self._spill, self._waiting, self._spilled = spill, list[RefusedClip](), 0
        self._names: dict[str, str] = {}
        self._sounds = NearDuplicates()
        self._clips: Counter[tuple[str, str]] = Counter()
        self._seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._of_corpus: Counter[str] = Counter()
        self._languages: Counter[str] = Counter()
        self._speakers: set[str] = set()
        self._cut: Counter[str] = Counter()
        shutil.rmtree(spill, ignore_errors=True)
        spill.mkdir(parents=True)

    @property
    def audio_s(self) -> float:
        """Seconds of audio that were accepted."""
        return sum(self._seconds.values())

    def counted(self, pieces: tuple[Placed, ...]) -> tuple[Placed, ...]:
        """Pass on the pieces of one recording."""
        if len(pieces) > 1:
            self._cut.update(recordings=1, pieces=len(pieces))
        return pieces

    def accepted(self, results: Iterable[Clip | RefusedClip]) -> Iterator[Clip]:
        """Pass on the clips that are new, one at a time."""
        for result in results:
            self.tally.rows_in += 1
            judged = self._judge(result)
            if isinstance(judged, RefusedClip):
                self._refuse(judged)
            else:
                self._count(judged)
                yield judged

    def refused(self) -> Iterator[RefusedClip]:
        """Yield what was refused, in its order."""
        for number in range(self._spilled):
            yield from read_shard(self._spill / f"{number}.parquet", RefusedClip)
        yield from self._waiting

    def _refuse(self, refused: RefusedClip) -> None:
        self.tally.refused[refused.reason] += 1
        self._waiting.append(refused)
        if len(self._waiting) == _REFUSED_IN_MEMORY:
            write_shard(self._spill / f"{self._spilled}.parquet", self._waiting, RefusedClip)
            self._spilled += 1
            self._waiting.clear()

    def _judge(self, result: Clip | RefusedClip) -> Clip | RefusedClip:
        if isinstance(result, RefusedClip):
            return result
        name = _name(result.source)
        if first := self._names.get(result.clip_id):
            detail = f"has the samples of {first!r}"
            return RefusedClip(source=result.source, reason=ClipRefusal.DUPLICATE, detail=detail)
        if result.fingerprint:
            if near := self._sounds.find(result.fingerprint, result.source.source_id):
                detail = f"sounds like {near[0]!r}: their prints differ in {near[1]:.0%} of the bits"
                return RefusedClip(source=result.source, reason=ClipRefusal.NEAR_DUPLICATE, detail=detail)
            self._sounds.add(result.fingerprint, result.source.source_id, name)
        self._names[result.clip_id] = name
        return result

    def _count(self, clip: Clip) -> None:
        self.tally.rows_out += 1
        self._clips[clip.domain, clip.split] += 1
        self._seconds[clip.domain, clip.split] += clip.duration_s
        self._of_corpus[clip.source.corpus] += 1
        self._languages.update([clip.language] if clip.language else [])
        speakers = (clip.speaker_id, *(segment.speaker_id for segment in clip.segments))
        self._speakers.update(speaker for speaker in speakers if speaker)

    def facts(self, corpora: Sequence[Corpus]) -> dict[str, Any]:
        """Return clips and seconds by domain and split, speakers, languages, what was cut and what each corpus gave."""
        domains: dict[str, dict[str, dict[str, float]]] = {}
        for (domain, split), count in sorted(self._clips.items()):
            seconds = round(self._seconds[domain, split], 3)
            domains.setdefault(domain, {})[split] = {"clips": count, "seconds": seconds}
        return {
            "domains": domains,
            "speakers": len(self._speakers),
            "languages": dict(sorted(self._languages.items())),
            "cut": {"recordings": self._cut["recordings"], "pieces": self._cut["pieces"]},
            "corpora": {corpus.policy.name: self._corpus_facts(corpus) for corpus in corpora},
        }

    def _corpus_facts(self, corpus: Corpus) -> dict[str, Any]:
        policy = corpus.policy
        terms: dict[str, Any] = {"licence": policy.licence, "attribution": policy.attribution}
        terms |= {"consent": list(policy.consent)} if policy.consent else {}
        counts = {"clips": self._of_corpus[policy.name], "unlisted": len(corpus.unlisted)}
        return {**counts, "unmapped": dict(corpus.unmapped), **terms}


def _name(source: Source) -> str:
    return f"{source.corpus}/{source.path}"
