"""Train the adapter: check what comes in, let the processes work, and collect what they made."""

import json
import shutil
from pathlib import Path

from components.core.cards import CARD
from components.core.contracts.artifacts import Artifact, Counts, read_manifest
from components.core.contracts.records import Sample, Split
from components.core.execution import Outcome, Workplace
from components.core.models.model_artifact import CONFIG_FILE, parameters_of, read_config
from components.core.models.store import read_model_manifest
from components.core.publishing import write_file
from components.core.use import check_clips
from components.train_model.acceptance import check_accepted
from components.train_model.card import Training, model_card
from components.train_model.curve import draw_curve
from components.train_model.launch import launch
from components.train_model.learned_from import learned_from
from components.train_model.training_job import TrainingJob
from components.train_model.zero import check_offload

LOG = "training.jsonl"
CURVE = "loss.png"


def train(job: TrainingJob, accepted: Artifact, place: Workplace) -> Outcome:
    """Train to the end, going on from the newest checkpoint, and fill the draft with the model.

    Rows in are the samples of the train split; all of them are offered to the training.

    Raises:
        ContractError: the validator did not let the samples through.
        ConfigurationError: this machine cannot offload to where it is asked, or clips forbid the model's use.
        SourceError: the training processes ended before their work was done.
    """
    check_accepted(accepted)
    check_offload(job.settings)
    check_clips(job.settings.use, _clips(job))
    rows = sum(sample.split is Split.TRAIN for sample in accepted.read(Sample))
    if not job.model.is_dir():
        launch(job)
    for name in (*read_config(job.model).weight_files, CONFIG_FILE):
        shutil.copyfile(job.model / name, place.draft.folder / name)
    shutil.copyfile(job.metrics_file, place.draft.folder / LOG)
    draw_curve(job.metrics_file, place.draft.folder / CURVE)
    write_file(place.draft.folder / CARD, model_card(_training(job, accepted)))
    place.draft.attach(*(place.draft.folder / name for name in (LOG, CURVE, CARD)))
    counts = Counts(rows_in=rows, rows_out=rows, refused={})
    return Outcome(counts=counts, facts={"steps": job.settings.steps, **_exported(job)})


def _training(job: TrainingJob, accepted: Artifact) -> Training:
    return Training(
        config=read_config(job.model),
        encoder=read_model_manifest(Path(job.encoder)),
        llm=read_model_manifest(Path(job.llm)),
        data=learned_from(accepted, _clips(job)),
        settings=job.settings.deciding(),
        code=job.code,
        parameters=parameters_of(job.model),
        steps=[json.loads(line) for line in job.metrics_file.read_text().splitlines()],
    )


def _clips(job: TrainingJob) -> Artifact:
    return Artifact(Path(job.clips), read_manifest(Path(job.clips)))


def _exported(job: TrainingJob) -> dict[str, float]:
    """Return after which step the weights were taken, and the validation loss there where somebody looked."""
    step = read_config(job.model).steps
    rows = [json.loads(line) for line in job.metrics_file.read_text().splitlines()]
    return {"exported_step": step} | {k: v for k, v in rows[step - 1].items() if k == "validation_loss"}
