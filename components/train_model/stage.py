"""Train the adapter: launch the processes, wait for them, and collect what they made."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from components.core.cards import CARD
from components.core.contracts.artifacts import Artifact, Counts, read_manifest
from components.core.contracts.errors import SourceError
from components.core.contracts.records import Sample, Split
from components.core.digests import code_digest
from components.core.execution import Outcome, Workplace
from components.core.models.model_artifact import ADAPTER_FILE, CONFIG_FILE, parameters_of, read_config
from components.core.models.store import read_model_manifest
from components.core.publishing import write_file
from components.train_model.card import Training, model_card
from components.train_model.curve import draw_curve
from components.train_model.learned_from import learned_from
from components.train_model.training_job import TrainingJob

LOG = "training.jsonl"
CURVE = "loss.png"


def train(job: TrainingJob, accepted: Artifact, place: Workplace) -> Outcome:
    """Train to the end, going on from the newest checkpoint, and fill the draft with the model.

    Rows in are the samples of the train split; all of them are offered to the training.

    Raises:
        SourceError: the training processes ended before their work was done.
    """
    rows = sum(sample.split is Split.TRAIN for sample in accepted.read(Sample))
    if not job.model.is_dir():
        _launch(job)
    for name in (ADAPTER_FILE, CONFIG_FILE):
        shutil.copyfile(job.model / name, place.draft.folder / name)
    shutil.copyfile(job.metrics_file, place.draft.folder / LOG)
    draw_curve(job.metrics_file, place.draft.folder / CURVE)
    write_file(place.draft.folder / CARD, model_card(_training(job, accepted)))
    place.draft.attach(*(place.draft.folder / name for name in (LOG, CURVE, CARD)))
    counts = Counts(rows_in=rows, rows_out=rows, refused={})
    return Outcome(counts=counts, facts={"steps": job.settings.steps})


def _training(job: TrainingJob, accepted: Artifact) -> Training:
    clips = Artifact(Path(job.clips), read_manifest(Path(job.clips)))
    return Training(
        config=read_config(job.model),
        encoder=read_model_manifest(Path(job.encoder)),
        llm=read_model_manifest(Path(job.llm)),
        data=learned_from(accepted, clips),
        settings=job.settings.deciding(),
        code=code_digest("components.core", "components.train_model"),
        parameters=parameters_of(job.model),
        steps=[json.loads(line) for line in job.metrics_file.read_text().splitlines()],
    )


def _launch(job: TrainingJob) -> None:
    job.error_file.unlink(missing_ok=True)
    file = Path(job.folder) / "job.json"
    write_file(file, job.model_dump_json(indent=1))
    processes = job.settings.processes
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes=1", f"--nproc-per-node={processes}"]
    torchrun += ["--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0", "--max-restarts=0"]
    threads = max(1, (os.cpu_count() or 1) // processes)
    # torchrun gives each process a session of its own: they have to notice by themselves when this one is gone.
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "DESTA_DRIVER_PID": str(os.getpid())}
    if not _has_gpu():
        environment["DS_ACCELERATOR"] = "cpu"
    done = subprocess.run([*torchrun, "-m", "components.train_model.worker", str(file)], env=environment, check=False)
    if job.error_file.is_file():
        raise SourceError(job.error_file.read_text())
    if done.returncode:
        raise SourceError(
            f"train_model: a training process ended with code {done.returncode}; its last words are in the log"
        )


def _has_gpu() -> bool:
    return (
        shutil.which("nvidia-smi") is not None
        and subprocess.run(["nvidia-smi", "-L"], capture_output=True, check=False).returncode == 0
    )
