"""What is recorded of a run and of each stage in it: small JSON files under the run's folder.

runs/<run_id>/  run.json  tracking.json  failure.json  stages/<stage>[.<part>].json  progress/<stage>.json
                metrics/<stage>.jsonl  pipeline.yaml  log.txt  champion/{comparison.json,report.html}

On a cluster the stages are pods that share the home: each writes records of its own, and every record appears whole.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from components.core.contracts.errors import ContractError, DestaError
from components.core.contracts.records import Record
from components.core.home import current_home
from components.core.publishing import write_file

R = TypeVar("R", bound=Record)
T = TypeVar("T")


class State(StrEnum):
    """How a run or a stage stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"


class Output(Record):
    """Where an artifact is and what it is."""

    digest: str
    path: str


class Increment(Record):
    """How much of a stage's work was there before a run, and how much the run itself did; `unit` is a plural."""

    unit: str = Field(min_length=1)
    found: int = Field(ge=0)
    made: int = Field(ge=0)

    def __str__(self) -> str:
        return f"{self.found} of {self.found + self.made} {self.unit} found, {self.made} made"


class StageRecord(Record):
    """One stage of one run; `increment` is what the run did for the result, which itself does not say.

    `part` is which shard it is of, where several pods share a stage; what puts them together has none.
    """

    stage: str
    part: int | None = None
    state: State
    reused: bool
    rows_in: int
    rows_out: int
    refused: dict[str, int]
    seconds: float
    started_s: float
    outputs: dict[str, Output]
    facts: dict[str, Any]
    increment: Increment | None = None
    error: str | None = None


class RunRecord(Record):
    """One run of the pipeline: what it was asked for, and which process drives it.

    `process_started_s` tells the driver from another process that got its number later. Times are Unix seconds.
    A run that Kubeflow drives names its `cluster`, and no process.
    """

    run_id: str = Field(min_length=1)
    profile: str
    state: State
    pid: int
    process_started_s: float
    started_s: float
    seconds: float = Field(ge=0)
    parameters: dict[str, Any]
    data_revision: str
    code_version: str
    error: str | None = None
    cluster: str | None = None


class ModelVersion(Record):
    """A model in the registry; `digest` is that of the `train_model` result it was made from."""

    name: str
    version: str
    digest: str


class Standing(Record):
    """Which version was champion when a run had asked for its own, and why; `refusals` are the policy's lines."""

    version: str
    reason: str
    refusals: tuple[str, ...] = ()


class TrackingRecord(Record):
    """What MLflow calls a run, whether that run is another's (`attached`), the model that came of it, the champion."""

    mlflow_run_id: str
    attached: bool = False
    model: ModelVersion | None = None
    champion: Standing | None = None


class Failure(Record):
    """The line by which a command of the run ended, and its exit code."""

    error: str
    exit_code: int


def stage_file(run_dir: Path, stage: str, part: int | None = None) -> Path:
    """Return where the record of a stage, or of one part of it, is kept."""
    return run_dir / "stages" / (f"{stage}.json" if part is None else f"{stage}.{part}.json")


def progress_file(run_dir: Path, stage: str) -> Path:
    """Return where a stage says how far it has come."""
    return run_dir / "progress" / f"{stage}.json"


def metrics_file(run_dir: Path, stage: str) -> Path:
    """Return where a stage writes a JSON line for each step while it runs."""
    return run_dir / "metrics" / f"{stage}.jsonl"


def log_file(run_dir: Path) -> Path:
    """Return where everything that the stages print is kept."""
    return run_dir / "log.txt"


def current_run_dir() -> Path | None:
    """Return the folder of the run that this process is a stage of, if it is one.

    A pod is told no folder but its run's id: Kubeflow writes that on the pod, where Kubernetes lets a variable take it.
    """
    if name := os.environ.get("DESTA_RUN_DIR"):
        return Path(name)
    run_id = os.environ.get("DESTA_RUN_ID")
    return current_home().runs / run_id if run_id else None


def write_stage(record: StageRecord) -> None:
    """Keep the record of a stage in the folder of the current run; a stage that runs alone keeps none."""
    if run_dir := current_run_dir():
        write_record(stage_file(run_dir, record.stage, record.part), record)


def write_failure(error: DestaError) -> None:
    """Keep the line by which a command ends, for the run that started it; also before its stage has a record."""
    if run_dir := current_run_dir():
        failure = Failure(error=str(error), exit_code=int(error.exit_code))
        write_record(run_dir / "failure.json", failure)


def forget_failure() -> None:
    """Remove the line by which an earlier attempt of a stage ended: another attempt mended it."""
    if run_dir := current_run_dir():
        (run_dir / "failure.json").unlink(missing_ok=True)


def write_record(file: Path, record: Record) -> None:
    """Write a record as a JSON file that appears whole."""
    write_file(file, record.model_dump_json(indent=1))


def read_stage(run_dir: Path, stage: str) -> StageRecord | None:
    """Return the record of a stage, that of its parts together, or `None` when it has not started."""
    file, parts = stage_file(run_dir, stage), sorted((run_dir / "stages").glob(f"{stage}.*.json"))
    whole = _read(StageRecord, file, run_dir) if file.is_file() else None
    return _together(whole, [_read(StageRecord, part, run_dir) for part in parts]) if parts else whole


def _together(whole: StageRecord | None, parts: list[StageRecord]) -> StageRecord:
    """Return what a stage in parts comes to: before they are put together it runs, or one of them has failed."""
    failed = [part for part in parts if part.state is State.FAILED]
    last = whole or (failed or parts)[0].model_copy(update={"part": None, "outputs": {}, "facts": {}})
    running = {} if whole or failed else {"state": State.RUNNING, "rows_in": 0, "rows_out": 0, "refused": {}}
    started_s = min(part.started_s for part in parts)
    made = [part.increment for part in parts if part.increment]
    spent = {
        "started_s": started_s,
        "seconds": max(each.started_s + each.seconds for each in (last, *parts)) - started_s,
        "reused": last.reused and all(part.reused for part in parts),
        "increment": sum_of(made) if made else last.increment,
    }
    return last.model_copy(update={**running, **spent})


def sum_of(increments: list[Increment]) -> Increment:
    """Return what several increments of one unit come to."""
    found, made = sum(each.found for each in increments), sum(each.made for each in increments)
    return Increment(unit=increments[0].unit, found=found, made=made)


def read_run(run_dir: Path) -> RunRecord:
    """Return the record of a run."""
    return _read(RunRecord, run_dir / "run.json", run_dir)


def write_run(run_dir: Path, record: RunRecord) -> None:
    """Keep the record of a run in its folder."""
    write_record(run_dir / "run.json", record)


def read_tracking(run_dir: Path) -> TrackingRecord | None:
    """Return what MLflow knows of a run, or `None` before it has been told."""
    file = run_dir / "tracking.json"
    return _read(TrackingRecord, file, run_dir) if file.is_file() else None


def write_tracking(run_dir: Path, record: TrackingRecord) -> None:
    """Keep what MLflow calls a run."""
    write_record(run_dir / "tracking.json", record)


def read_failure(run_dir: Path) -> Failure | None:
    """Return the line by which a command of the run ended, if one did."""
    file = run_dir / "failure.json"
    return _read(Failure, file, run_dir) if file.is_file() else None


def run_dirs(runs: Path) -> list[Path]:
    """Return the folders of all runs, the newest first; one that is damaged is passed over with a line."""
    folders = (file.parent for file in sorted(runs.glob("*/run.json")))
    found = sorted(passing_over(folders, lambda folder: (read_run(folder).started_s, folder)), reverse=True)
    return [folder for _, folder in found]


def passing_over(run_dirs: Iterable[Path], read: Callable[[Path], T]) -> Iterator[T]:
    """Yield what is read of each run; one whose records are damaged is passed over with a line."""
    for run_dir in run_dirs:
        try:
            yield read(run_dir)
        except ContractError as error:
            print(f"{error}; passed over", file=sys.stderr, flush=True)


def _read(model: type[R], file: Path, run_dir: Path) -> R:
    """Read a record of a run.

    Raises:
        ContractError: the file is torn or damaged.
    """
    try:
        return model.model_validate_json(file.read_bytes(), strict=False)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "content"
        raise ContractError(
            f"{file}: damaged: {where}: {first['msg']}; restore it, or remove {run_dir} (results stay in the store)"
        ) from error
