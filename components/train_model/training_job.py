"""What the stage hands to the training processes, as one JSON file."""

from pathlib import Path

from components.core.contracts.records import GeneratorIdentity, Record, Sha256
from components.train_model.settings import TrainModelSettings


class TrainingJob(Record):
    """Folders of the verified inputs, the settings, and where the work is kept."""

    settings: TrainModelSettings
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
