"""Runs in a home, by their records alone: what cost looks at."""

import json
from pathlib import Path
from typing import Any

from components.core.home import Home
from components.core.runs import Output, State, metrics_file, stage_file, write_record, write_run
from pipelines.bundle.surroundings import ENVIRONMENT, HELD, Environment
from pipelines.cost.devices import Devices, Held
from tests.pipelines.results import make_run_record, make_stage_record

GPU = "NVIDIA H100 80GB HBM3"
TWO_CORES = Environment(
    python="CPython 3.11", platform="Linux", cpu="A CPU", cores=2, memory_mib=1, gpus=(), distributions={}
)
FOUR_GPUS = TWO_CORES.model_copy(update={"gpus": (f"{GPU}, 570.1, 81559 MiB",) * 4})
HALF_AN_HOUR = {"domains": {"sound": {"train": {"clips": 3, "seconds": 1800.0}}}}
MODELS = {"encoder": "an encoder", "llm": "an llm"}


def make_run(home: Home, run_id: str, surroundings: Environment | None, **changes: Any) -> Path:
    """Write a run without stages."""
    run_dir = home.runs / run_id
    write_run(run_dir, make_run_record(run_id=run_id, **{"parameters": MODELS, **changes}))
    if surroundings:
        write_record(run_dir / ENVIRONMENT, surroundings)
    return run_dir


def add_held(run_dir: Path, **stages: Devices) -> None:
    """Write what stages of a run on a cluster held."""
    write_record(run_dir / HELD, Held(stages=stages))


def add_stage(run_dir: Path, stage: str, **changes: Any) -> None:
    """Write a stage of a run, one that succeeded in an hour and whose result is not here."""
    values = {"state": State.SUCCEEDED, "seconds": 3600.0, "outputs": {"it": Output(digest="d", path="gone")}}
    write_record(stage_file(run_dir, stage), make_stage_record(stage=stage, **{**values, **changes}))


def add_steps(run_dir: Path, steps: int) -> None:
    """Write steps of training, of 8 samples and 400 tokens each."""
    step = json.dumps({"samples": 8, "seconds": 2.0, "tokens_per_s": 200.0})
    metrics_file(run_dir, "train_model").parent.mkdir(parents=True)
    metrics_file(run_dir, "train_model").write_text(f"{step}\n" * steps + step[:20])
