"""What a dataset comes to: amounts by part, licence and corpus, counted while the data flow by."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.core.contracts.artifacts import Artifact
from components.core.contracts.errors import ContractError
from components.core.contracts.records import Clip, Decoding, Domain, GeneratorIdentity, Sample, Split
from pipelines.export.dataset import Group


@dataclass
class Amount:
    """How much there is of something."""

    samples: int = 0
    clips: int = 0
    seconds: float = 0.0

    def add(self, clip: Clip, samples: tuple[Sample, ...]) -> None:
        """Count a clip with its samples."""
        self.samples += len(samples)
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
            self._see(clip, samples)
            yield clip, samples

    def splits(self) -> list[Split]:
        """Return the splits that have samples, in their usual order."""
        return [split for split in Split if any(split is part for part, _ in self.parts)]

    def _see(self, clip: Clip, samples: tuple[Sample, ...]) -> None:
        share = self._share(clip)
        share.licences.add(clip.licence)
        part = self.parts.setdefault((clip.split, clip.domain), Amount())
        licence = self.licences.setdefault(clip.licence, Amount())
        for amount in (self.total, part, licence, share.amount):
            amount.add(clip, samples)
        if clip.language:
            self.languages[clip.language] += 1
        self.generators.update(sample.generator for sample in samples)
        self.decodings.update(sample.decoding for sample in samples)

    def _share(self, clip: Clip) -> CorpusShare:
        corpus = clip.source.corpus
        if corpus not in self.corpora:
            if corpus not in self._facts:
                raise ContractError(
                    f"{self._clips.folder}: its manifest says nothing of corpus {corpus!r}, whose licence needs "
                    "attribution; ingest the corpora again"
                )
            told = self._facts[corpus]
            self.corpora[corpus] = CorpusShare(told.get("attribution", ""), tuple(told.get("consent", ())))
        return self.corpora[corpus]
