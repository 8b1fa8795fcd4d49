"""The command lines of a smoke run, stage by stage, as a place with its own folders gets them."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from components.core.settings import as_flags
from components.core.stages import Stage
from pipelines.profiles import smoke
from pipelines.sample_data import sample_corpora


@dataclass(frozen=True)
class Place:
    """Where a run has its corpora and its results: in a container, or beside it."""

    corpora: PurePosixPath
    results: PurePosixPath

    def arguments(self, stage: Stage) -> list[str]:
        """Return what follows `python -m components.<stage>`."""
        asked = smoke().parameters("none")
        inputs = [word for name in stage.inputs for word in (f"--{name}", str(self.results / name))]
        corpora = [word for name in _corpora(stage) for word in ("--corpus", str(self.corpora / name))]
        models = [word for name in stage.models for word in (f"--{name}", asked[name])]
        output = [f"--{stage.output}", str(self.results / stage.output)]
        return [*corpora, *inputs, *models, *output, *as_flags(asked[f"{stage.name}_settings"])]


def _corpora(stage: Stage) -> list[str]:
    return [folder.name for folder in sample_corpora()] if stage.reads_corpora else []
