"""What the stage hands to the training processes, as one JSON file."""

from pathlib import Path

from components.core.contracts.artifacts import MANIFEST, Artifact, read_manifest
from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import GeneratorIdentity, Record, Sha256
from components.core.digests import code_digest
from components.core.home import Home
from components.train_model.settings import TrainModelSettings


class TrainingJob(Record):
    """Folders of the verified inputs, the settings, the digest of the code, and where the work is kept."""

    settings: TrainModelSettings
    code: Sha256
    accepted: str
    accepted_digest: Sha256
    clips: str
    encoder: str
    encoder_digest: Sha256
    llm: str
    llm_digest: Sha256
    backbone: GeneratorIdentity
    features: str
    folder: str

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints are kept."""
        return Path(self.folder) / "checkpoints"

    @property
    def metrics_file(self) -> Path:
        """One JSON line for each step that was done."""
        return Path(self.folder) / "training.jsonl"

    @property
    def model(self) -> Path:
        """Where the trained model appears."""
        return Path(self.folder) / "model"

    @property
    def error_file(self) -> Path:
        """The one line that explains why training stopped."""
        return Path(self.folder) / "error.txt"


def code_of_training() -> str:
    """Return the digest of the code that decides what is trained."""
    return code_digest("components.core", "components.train_model")


def shared_folder(artifact: Artifact, home: Home) -> Path:
    """Return where the store of a home that machines share has an artifact; the pod's own copy is seen by itself only.

    Raises:
        ConfigurationError: the store does not have it, or has another in its place.
    """
    lineage = artifact.manifest.lineage
    folder = home.store / lineage.stage / lineage.key
    if not (folder / MANIFEST).is_file() or read_manifest(folder).digest != artifact.digest:
        raise ConfigurationError(
            f"{artifact.folder}: is not in the store of {home.root}, where the nodes of a training look; run its stage "
            "in the same home"
        )
    return folder
