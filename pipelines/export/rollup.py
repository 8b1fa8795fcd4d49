"""What a dataset comes to: amounts by part, licence and corpus, counted while the data flow by or from few columns."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from components.core.contracts.artifacts import Artifact
from components.core.contracts.errors import ContractError
from components.core.contracts.records import Clip, Decoding, Domain, GeneratorIdentity, Record, Sample, Split
from pipelines.export.dataset import Group


class ClipFacts(NamedTuple):
    """What is counted of a clip."""

    corpus: str
    domain: Domain
    split: Split
    duration_s: float
    licence: str
    language: str | None

    @classmethod
    def of(cls, clip: Clip) -> Self:
        """Return the facts of a clip that was read."""
        return cls(clip.source.corpus, clip.domain, clip.split, clip.duration_s, clip.licence, clip.language)


_COUNTED = ("domain", "split", "source.corpus", "duration_s", "licence", "language")


@dataclass
class Amount:
    """How much there is of something."""

    samples: int = 0
    clips: int = 0
    seconds: float = 0.0

    def add(self, clip: ClipFacts, samples: int) -> None:
        """Count a clip with its samples."""
        self.samples += samples
        self.clips += 1
        self.seconds += clip.duration_s

    @property
    def hours(self) -> float:
        """Hours of audio."""
        return self.seconds / 3600


@dataclass
class CorpusShare:
    """What a corpus gave, under which licences, whom it asks to name, and what its speakers agreed to if it says so."""

    attribution: str
    consent: tuple[str, ...] = ()
    amount: Amount = field(default_factory=Amount)
    licences: set[str] = field(default_factory=set)


class Rollup:
    """Adds up a dataset; what it remembers grows with the number of corpora and licences, not with the data."""

    def __init__(self, clips: Artifact) -> None:
        self.total = Amount()
        self.parts: dict[tuple[Split, Domain], Amount] = {}
        self.licences: dict[str, Amount] = {}
        self.corpora: dict[str, CorpusShare] = {}
        self.languages: Counter[str] = Counter()
        self.generators: set[GeneratorIdentity] = set()
        self.decodings: set[Decoding] = set()
        self._clips = clips
        self._facts: Mapping[str, Any] = clips.manifest.facts.get("corpora", {})

    def passing(self, groups: Iterable[Group]) -> Iterator[Group]:
        """Pass groups on and count them.

        Raises:
            ContractError: a clip is of a corpus that the clips' manifest does not know, so nobody knows whom to name.
        """
        for clip, samples in groups:
            self._see(ClipFacts.of(clip), len(samples))
            self.generators.update(sample.generator for sample in samples)
            self.decodings.update(sample.decoding for sample in samples)
            yield clip, samples

    def count(self, accepted: Artifact) -> None:
        """Count the clips that accepted samples are about from a few columns: no audio and no text is read.

        Raises:
            ContractError: as `passing`, or a sample is about a clip that is not there.
        """
        asked = Counter(clip_id for (clip_id,) in _rows(accepted, Sample, "clip_id"))
        for clip_id, domain, split, *rest in _rows(self._clips, Clip, "clip_id", *_COUNTED):
            if samples := asked.pop(clip_id, 0):
                corpus, duration_s, licence, language = rest
                self._see(ClipFacts(corpus, Domain(domain), Split(split), duration_s, licence, language), samples)
        if asked:
            raise ContractError(f"{self._clips.folder}: no clip {min(asked)}, which a sample is about; run again")
        self.generators.update(
            GeneratorIdentity(**values) for values in _values(accepted, "generator", GeneratorIdentity)
        )
        self.decodings.update(Decoding(**values) for values in _values(accepted, "decoding", Decoding))

    def splits(self) -> list[Split]:
        """Return the splits that have samples, in their usual order."""
        return [split for split in Split if any(split is part for part, _ in self.parts)]

    def _see(self, clip: ClipFacts, samples: int) -> None:
        share = self._share(clip.corpus)
        share.licences.add(clip.licence)
        part = self.parts.setdefault((clip.split, clip.domain), Amount())
        licence = self.licences.setdefault(clip.licence, Amount())
        for amount in (self.total, part, licence, share.amount):
            amount.add(clip, samples)
        if clip.language:
            self.languages[clip.language] += 1

    def _share(self, corpus: str) -> CorpusShare:
        if corpus not in self.corpora:
            if corpus not in self._facts:
                raise ContractError(
                    f"{self._clips.folder}: its manifest says nothing of corpus {corpus!r}, whose licence needs "
                    "attribution; ingest the corpora again"
                )
            told = self._facts[corpus]
            self.corpora[corpus] = CorpusShare(told.get("attribution", ""), tuple(told.get("consent", ())))
        return self.corpora[corpus]


def _values(accepted: Artifact, part: str, record: type[Record]) -> Iterator[dict[str, Any]]:
    """Yield the different values that a part of the samples has."""
    names = tuple(record.model_fields)
    for values in set(_rows(accepted, Sample, *(f"{part}.{name}" for name in names))):
        yield dict(zip(names, values, strict=True))


def _rows(artifact: Artifact, record: type[Record], *names: str) -> Iterator[tuple[Any, ...]]:
    for table in artifact.columns(record, *names):
        yield from zip(*(column.to_pylist() for column in table.columns), strict=True)
