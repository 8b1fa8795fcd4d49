"""Train the adapter: check what comes in, let the processes work, and collect what they made."""

import json
import shutil

from components.core.contracts.artifacts import Artifact, Counts
from components.core.contracts.records import Sample, Split
from components.core.execution import Outcome, Workplace
from components.core.models.model_artifact import ADAPTER_FILE, CONFIG_FILE, read_config
from components.train_model.acceptance import check_accepted
from components.train_model.curve import draw_curve
from components.train_model.launch import launch
from components.train_model.training_job import TrainingJob
from components.train_model.zero import check_offload

LOG = "training.jsonl"
CURVE = "loss.png"


def train(job: TrainingJob, accepted: Artifact, place: Workplace) -> Outcome:
    """Train to the end, going on from the newest checkpoint, and fill the draft with the model.

    Rows in are the samples of the train split; all of them are offered to the training.

    Raises:
        ContractError: the validator did not let the samples through.
        ConfigurationError: this machine cannot offload to where it is asked.
        SourceError: the training processes ended before their work was done.
    """
    check_accepted(accepted)
    check_offload(job.settings)
    rows = sum(sample.split is Split.TRAIN for sample in accepted.read(Sample))
    if not job.model.is_dir():
        launch(job)
    for name in (ADAPTER_FILE, CONFIG_FILE):
        shutil.copyfile(job.model / name, place.draft.folder / name)
    shutil.copyfile(job.metrics_file, place.draft.folder / LOG)
    draw_curve(job.metrics_file, place.draft.folder / CURVE)
    place.draft.attach(place.draft.folder / LOG, place.draft.folder / CURVE)
    counts = Counts(rows_in=rows, rows_out=rows, refused={})
    return Outcome(counts=counts, facts={"steps": job.settings.steps, **_exported(job)})


def _exported(job: TrainingJob) -> dict[str, float]:
    """Return after which step the weights were taken, and the validation loss there where somebody looked."""
    step = read_config(job.model).steps
    rows = [json.loads(line) for line in job.metrics_file.read_text().splitlines()]
    return {"exported_step": step} | {k: v for k, v in rows[step - 1].items() if k == "validation_loss"}
