"""How runs stand: the records of a run as the one view that scripts, the summary and the tests read."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record
from components.core.home import Home
from components.core.lifeline import is_alive
from components.core.runs import (
    Increment,
    ModelVersion,
    Output,
    RunRecord,
    StageRecord,
    Standing,
    State,
    read_run,
    read_stage,
    read_tracking,
    run_dirs,
)
from components.core.stages import STAGES, stage_named
from pipelines.publish.published import LATER, starts_from_published

METRICS = (
    *("ppl_untrained", "ppl_trained", "ppl_wrong_clip", "audio_gain", "audio_gain_low", "audio_gain_high"),
    *("accuracy", "accuracy_untrained", "accuracy_cascade", "accuracy_described"),
    *("accuracy_over_untrained", "accuracy_over_untrained_low", "accuracy_over_untrained_high"),
    *("accuracy_sound_and_music", "accuracy_sound_and_music_cascade"),
    *("text_accuracy_before", "text_accuracy"),
)
KILLED = "the run was killed"


class StageStatus(Record):
    """One stage; `pending` until it starts, `skipped` where the run starts from data that were published."""

    state: str
    reused: bool
    rows_in: int
    rows_out: int
    refused: dict[str, int]
    seconds: float
    outputs: dict[str, Output]
    increment: Increment | None = None
    error: str | None = Field(exclude=True)


class Gate(Record):
    """Whether the run's gates let its result pass; `None` until the last of them was asked."""

    passed: bool | None
    reasons: tuple[str, ...]


class RunSummary(Record):
    """A run without its stages."""

    run_id: str
    profile: str
    state: State
    seconds: float
    metrics: dict[str, float | None]
    gate: Gate
    model: dict[str, str | None]
    champion: dict[str, str | None]
    mlflow_run_id: str | None
    data_revision: str
    error: str | None = Field(exclude=True)


class RunStatus(RunSummary):
    """A run with all its stages, in their order."""

    stages: dict[str, StageStatus]


def run_dir_of(home: Home, run_id: str | None) -> Path:
    """Return the folder of a run, of the newest one without an id.

    Raises:
        ConfigurationError: there is no such run.
    """
    if run_id is None and (folders := run_dirs(home.runs)):
        return folders[0]
    for file in home.runs.glob("*/run.json"):
        if file.parent.name == run_id:
            return file.parent
    wanted = f"no run {run_id}; `desta runs` lists them" if run_id else "no run yet; start one with `desta run`"
    raise ConfigurationError(f"{home.runs}: {wanted}")


def settled(run_dir: Path) -> RunRecord:
    """Return the record of a run as it stands now: one whose driver is gone has failed, whatever it says of itself.

    Of a run on a cluster only its own last task says that it ended.
    """
    record = read_run(run_dir)
    if record.state is not State.RUNNING:
        return record
    if record.cluster or is_alive(record.pid, record.process_started_s):
        return record.model_copy(update={"seconds": time.time() - record.started_s})
    return record.model_copy(update={"state": State.FAILED, "error": KILLED, "seconds": _last_sign_s(run_dir, record)})


def _last_sign_s(run_dir: Path, record: RunRecord) -> float:
    files = [path for path in run_dir.rglob("*.json*") if path.is_file()]
    return max(0.0, max(file.stat().st_mtime for file in files) - record.started_s)


def status_of(run_dir: Path) -> RunStatus:
    """Return how a run stands."""
    record, tracking = settled(run_dir), read_tracking(run_dir)
    stages = {stage.name: read_stage(run_dir, stage.name) for stage in STAGES}
    evaluated = stages["evaluate_model"]
    model, champion = (tracking.model, tracking.champion) if tracking else (None, None)
    return RunStatus(
        run_id=record.run_id,
        profile=record.profile,
        state=record.state,
        seconds=record.seconds,
        metrics=_metrics(evaluated.facts if evaluated else {}),
        gate=_gate(stages, champion.refusals if champion else ()),
        model=_model(model),
        champion=_champion(champion),
        mlflow_run_id=tracking.mlflow_run_id if tracking else None,
        data_revision=record.data_revision,
        error=record.error,
        stages={name: _stage(name, stage, record) for name, stage in stages.items()},
    )


def shorter(status: RunStatus) -> RunSummary:
    """Leave the stages out."""
    return RunSummary(**{name: getattr(status, name) for name in RunSummary.model_fields})


def _stage(name: str, stage: StageRecord | None, run: RunRecord) -> StageStatus:
    if stage is None:
        skipped = starts_from_published(run.parameters) and stage_named(name) not in LATER
        state = "skipped" if skipped else "pending"
        return StageStatus(
            state=state, reused=False, rows_in=0, rows_out=0, refused={}, seconds=0.0, outputs={}, error=None
        )
    state, seconds, error = stage.state, stage.seconds, stage.error
    if state is State.RUNNING:
        seconds = run.started_s + run.seconds - stage.started_s
        if run.state is not State.RUNNING:
            state, error = State.FAILED, run.error
    return StageStatus(
        state=state,
        reused=stage.reused,
        rows_in=stage.rows_in,
        rows_out=stage.rows_out,
        refused=stage.refused,
        seconds=max(0.0, seconds),
        outputs=stage.outputs,
        increment=stage.increment,
        error=error,
    )


def _gate(stages: Mapping[str, StageRecord | None], beside_champion: tuple[str, ...]) -> Gate:
    """Collect what the gates said; only the last stage can say that all of them passed."""
    by_stages = (str(line) for stage in stages.values() if stage for line in stage.facts.get("refusals", []))
    reasons = (*by_stages, *beside_champion)
    evaluated = stages["evaluate_model"]
    done = evaluated is not None and evaluated.state is State.SUCCEEDED
    return Gate(passed=False if reasons else True if done else None, reasons=reasons)


def _metrics(facts: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the figures of the evaluation; `None` for one that is not known, JSON has no other word for it."""
    values = {name: facts.get(name) for name in METRICS}
    return {name: float(v) if v is not None and math.isfinite(v) else None for name, v in values.items()}


def _model(version: ModelVersion | None) -> dict[str, str | None]:
    return version.model_dump() if version else {"name": None, "version": None, "digest": None}


def _champion(standing: Standing | None) -> dict[str, str | None]:
    return {name: getattr(standing, name, None) for name in ("version", "reason")}
