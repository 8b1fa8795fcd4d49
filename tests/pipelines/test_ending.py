"""A run's state, exit code and error line follow from what its stages left behind."""

from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.runs import State, stage_file, write_failure, write_record
from components.core.stages import STAGES
from pipelines.ending import INTERRUPTED, Ending, ending_of, over_budget, was_stopped
from tests.pipelines.results import make_stage_record


def _record(run_dir: Path, stage: str, state: State, **changes: Any) -> None:
    write_record(stage_file(run_dir, stage), make_stage_record(stage=stage, state=state, **changes))


@pytest.mark.parametrize(
    ("stage", "state", "changes", "exit_code", "wanted"),
    [
        ("evaluate_model", State.SUCCEEDED, {}, 0, (State.SUCCEEDED, 0, None)),
        (
            "evaluate_model",
            State.SUCCEEDED,
            {"facts": {"refusals": ["too deaf"]}},
            0,
            (State.REFUSED, 3, "evaluate_model: too deaf"),
        ),
        ("validate_data", State.REFUSED, {"error": "too few"}, 1, (State.REFUSED, 3, "validate_data: too few")),
        ("train_model", State.FAILED, {"error": "ValueError: x"}, 1, (State.FAILED, 1, "train_model: ValueError: x")),
        (
            "train_model",
            State.RUNNING,
            {},
            1,
            (
                State.FAILED,
                1,
                "train_model: its process ended without a word (killed, or out of memory); the log may say more",
            ),
        ),
    ],
)
def test_the_ending_follows_from_the_records_of_the_stages(
    tmp_path: Path,
    stage: str,
    state: State,
    changes: dict[str, Any],
    exit_code: int,
    wanted: tuple[State, int, str | None],
) -> None:
    for earlier in STAGES[: [s.name for s in STAGES].index(stage)]:
        _record(tmp_path, earlier.name, State.SUCCEEDED)
    _record(tmp_path, stage, state, **changes)
    ending = ending_of(tmp_path, exit_code)
    assert (ending.state, ending.exit_code, ending.error) == wanted


@pytest.mark.parametrize(("error", "exit_code"), [(SourceError("a: broken"), 1), (ConfigurationError("a: wrong"), 2)])
def test_an_error_before_the_first_record_is_the_runs_error(
    tmp_path: Path, error: SourceError | ConfigurationError, exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTA_RUN_DIR", str(tmp_path))
    write_failure(error)
    ending = ending_of(tmp_path, 1)
    assert (ending.state, ending.exit_code, ending.error) == (State.FAILED, exit_code, str(error))


def test_a_pipeline_that_did_not_start_says_so(tmp_path: Path) -> None:
    assert ending_of(tmp_path, 1).error == "the pipeline ended before a stage began; the log may say more"


def test_a_run_that_a_person_or_its_budget_stopped_is_killed_in_mlflow_and_one_that_broke_is_not() -> None:
    stopped = over_budget("train_model: 3 spent, budget 2")
    assert (stopped.state, stopped.exit_code) == (State.FAILED, 3)
    broken = Ending(State.FAILED, 1, "train_model: over budget: is what a stage may say, too")
    assert [ending.mlflow_status for ending in (stopped, INTERRUPTED, broken)] == ["KILLED", "KILLED", "FAILED"]
    assert not was_stopped(None)
