"""How a run ended, read from what its stages recorded."""

import time
from dataclasses import dataclass
from pathlib import Path

from components.core.contracts.errors import ExitCode
from components.core.runs import RunRecord, StageRecord, Standing, State, read_failure, read_run, write_run
from pipelines.progress import views


@dataclass(frozen=True)
class Ending:
    """How a run ended, and what its command tells the shell."""

    state: State
    exit_code: int
    error: str | None = None

    @property
    def mlflow_status(self) -> str:
        """MLflow's word for it; a refused model was made and measured as asked."""
        if was_stopped(self.error):
            return "KILLED"
        return "FAILED" if self.state is State.FAILED else "FINISHED"


_OVER_BUDGET = "over budget: "
INTERRUPTED = Ending(State.FAILED, ExitCode.INTERRUPTED, "interrupted; run again to go on from here")


def over_budget(line: str) -> Ending:
    """Say how a run ended that had spent its budget, or would have."""
    return Ending(State.FAILED, ExitCode.REFUSED, f"{_OVER_BUDGET}{line}")


def was_stopped(error: str | None) -> bool:
    """Tell whether a run with this error was stopped from outside, by a person or by its budget."""
    return error is not None and (error == INTERRUPTED.error or error.startswith(_OVER_BUDGET))


def ending_of(run_dir: Path, exit_code: int) -> Ending:
    """Say how a run ended whose graph was executed by a process that ended with `exit_code`."""
    records = {view.name: view.record for view in views(run_dir) if view.record}
    by_state = {record.state: record for record in reversed(records.values())}
    if refused := by_state.get(State.REFUSED):
        return Ending(State.REFUSED, ExitCode.REFUSED, f"{refused.stage}: {refused.error}")
    if exit_code == 0:
        return _passed(records.get("evaluate_model"))
    if failure := read_failure(run_dir):
        return Ending(State.FAILED, failure.exit_code, failure.error)
    if failed := by_state.get(State.FAILED):
        return Ending(State.FAILED, ExitCode.FAILED, f"{failed.stage}: {failed.error}")
    if running := by_state.get(State.RUNNING):
        line = f"{running.stage}: its process ended without a word (killed, or out of memory)"
    else:
        line = "the pipeline ended before a stage began"
    return Ending(State.FAILED, ExitCode.FAILED, f"{line}; the log may say more")


def _passed(evaluated: StageRecord | None) -> Ending:
    """Say how a run ended whose stages all did their work."""
    if evaluated is None:
        return Ending(State.FAILED, ExitCode.FAILED, "evaluate_model: left no record; its pod knew of no run")
    if reasons := evaluated.facts.get("refusals", []):
        return Ending(State.REFUSED, ExitCode.REFUSED, f"evaluate_model: {'; '.join(reasons)}")
    return Ending(State.SUCCEEDED, ExitCode.DONE)


def ending_beside(champion: Standing) -> Ending:
    """Say how a run ended whose model passed its gate and then stood beside the champion."""
    if champion.refusals:
        line = f"champion: version {champion.version} stays: {champion.reason}"
        return Ending(State.REFUSED, ExitCode.REFUSED, line)
    return Ending(State.SUCCEEDED, ExitCode.DONE)


def recorded_ending(record: RunRecord) -> Ending:
    """Return how a run ended that has ended."""
    codes = {State.SUCCEEDED: ExitCode.DONE, State.REFUSED: ExitCode.REFUSED}
    if record.error == INTERRUPTED.error:
        return INTERRUPTED
    return Ending(record.state, codes.get(record.state, ExitCode.FAILED), record.error)


def keep_ending(run_dir: Path, ending: Ending) -> None:
    """Record how a run ended, and how long it took."""
    record = read_run(run_dir)
    seconds = time.time() - record.started_s
    changes = {"state": ending.state, "error": ending.error, "seconds": seconds}
    write_run(run_dir, record.model_copy(update=changes))
