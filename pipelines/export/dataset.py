"""What is exported: accepted samples beside their clips, read once, and how they came to be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from components.core.cards import dataset_name
from components.core.contracts.artifacts import Artifact
from components.core.contracts.errors import ContractError
from components.core.contracts.records import Clip, Sample
from components.core.licences import Use

Group = tuple[Clip, tuple[Sample, ...]]
"""A clip and the accepted samples about it."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the samples were made, as far as they do not say so themselves.

    `llm_licence` is `None` where the model store does not know it; `prompt_pools` is what `self_generate` recorded.
    `use` is what the run was meant for.
    """

    llm: str
    llm_licence: str | None
    prompt_pools: Mapping[str, Any]
    made_on: date
    use: Use = Use.RESEARCH


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Accepted samples and their clips, both verified; `notices` are files that the clips' licences ask to go along."""

    accepted: Artifact
    clips: Artifact
    recipe: Recipe
    notices: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """A name that no other content has."""
        return dataset_name(self.accepted.digest)

    def groups(self) -> Iterator[Group]:
        """Yield each clip that has samples, with them; both artifacts are read once, side by side.

        Raises:
            ContractError: the samples were judged beside other clips, or do not stand in the order of their clips.
        """
        if self.accepted.manifest.lineage.inputs.get("clips") != self.clips.digest:
            raise ContractError(f"{self.accepted.folder}: was not made from {self.clips.folder}; run again")
        clips = self.clips.read(Clip)
        for clip_id, samples in groupby(self.accepted.read(Sample), key=attrgetter("clip_id")):
            clip = next((clip for clip in clips if clip.clip_id == clip_id), None)
            if clip is None:
                raise ContractError(
                    f"{self.accepted.folder}: clip {clip_id} of its samples does not follow in {self.clips.folder}; "
                    "samples stand in the order of their clips: generate them again"
                )
            yield clip, tuple(samples)
