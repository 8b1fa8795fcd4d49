"""What a model learned from, by corpus and licence: counted from a few columns, without audio or text."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.core.contracts.artifacts import Artifact
from components.core.contracts.errors import ContractError
from components.core.contracts.records import Clip, Sample, Split


@dataclass
class CorpusPart:
    """Accepted samples about the clips of one corpus; licences and languages are those of clips in the train split.

    `consent` is what its speakers agreed to, empty where the corpus does not say.
    """

    attribution: str
    consent: tuple[str, ...] = ()
    samples: Counter[Split] = field(default_factory=Counter)
    licences: set[str] = field(default_factory=set)
    languages: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class LearnedFrom:
    """All parts, by the name of their corpus."""

    accepted: str
    corpora: dict[str, CorpusPart]

    @property
    def licences(self) -> set[str]:
        """The licences of the clips that it heard in training."""
        return {licence for part in self.corpora.values() for licence in part.licences}

    @property
    def languages(self) -> set[str]:
        """The languages spoken in these clips."""
        return {language for part in self.corpora.values() for language in part.languages}

    def samples(self, split: Split) -> int:
        """Return how many samples a split has."""
        return sum(part.samples[split] for part in self.corpora.values())


def learned_from(accepted: Artifact, clips: Artifact) -> LearnedFrom:
    """Count the accepted samples by the corpora of their clips.

    Raises:
        ContractError: a sample is about a clip that is not there.
    """
    about = {clip_id: rest for clip_id, *rest in _rows(clips, Clip, "clip_id", "source.corpus", "licence", "language")}
    told = clips.manifest.facts.get("corpora", {})
    corpora: dict[str, CorpusPart] = {}
    for clip_id, split in _rows(accepted, Sample, "clip_id", "split"):
        if clip_id not in about:
            raise ContractError(f"{clips.folder}: no clip {clip_id}, which a sample of {accepted.folder} is about")
        corpus, licence, language = about[clip_id]
        part = corpora.setdefault(corpus, _part(told.get(corpus, {})))
        part.samples[Split(split)] += 1
        if split == Split.TRAIN:
            part.licences.add(licence)
            part.languages |= {language} - {None}
    return LearnedFrom(accepted.digest, dict(sorted(corpora.items())))


def _part(told: Mapping[str, Any]) -> CorpusPart:
    return CorpusPart(told.get("attribution", ""), tuple(told.get("consent", ())))


def _rows(artifact: Artifact, record: type[Clip] | type[Sample], *names: str) -> Iterator[tuple[str, ...]]:
    for table in artifact.columns(record, *names):
        yield from zip(*(column.to_pylist() for column in table.columns), strict=True)
