"""Where state lives: `.desta/` of the working directory, or the folder that DESTA_HOME names."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The folders of one installation's state."""

    root: Path

    @property
    def store(self) -> Path:
        """Finished stage results: `<stage>/<key>/`, never changed."""
        return self.root / "store"

    @property
    def work(self) -> Path:
        """Unfinished work that a killed stage goes on from: `<stage>/<key>/`."""
        return self.root / "work"

    @property
    def runs(self) -> Path:
        """One folder for each run of the pipeline."""
        return self.root / "runs"

    @property
    def models(self) -> Path:
        """The verified model store; DESTA_MODELS names another one, to share it between homes."""
        return Path(os.environ.get("DESTA_MODELS") or self.root / "models")

    @property
    def features(self) -> Path:
        """What the audio encoder heard of clips; may be removed at any time."""
        return self.root / "features"

    @property
    def judgements(self) -> Path:
        """What judges said of answers to benchmarks; may be removed at any time, and is asked for again."""
        return self.root / "judgements"

    @property
    def file_digests(self) -> Path:
        """What is known of the content of files that were not touched since."""
        return self.root / "file_digests.sqlite"

    @property
    def tombstones(self) -> Path:
        """What was erased and must not be ingested again, as digests."""
        return self.root / "tombstones.json"

    @property
    def erasures(self) -> Path:
        """One folder for each erasure, with its certificate."""
        return self.root / "erasures"

    @property
    def tracking_uri(self) -> str:
        """MLflow's own database, unless MLFLOW_TRACKING_URI names a server."""
        return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.root / 'mlflow.db'}"


def current_home() -> Home:
    """Return the home of this process, as an absolute path."""
    return Home(Path(os.environ.get("DESTA_HOME") or ".desta").absolute())
