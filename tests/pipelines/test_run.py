"""One run at a time; interrupted or killed, it leaves no process behind and says what became of it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.home import Home
from components.core.models.store import StoredModel
from components.core.runs import StageRecord, State, read_run, read_tracking, stage_file, write_failure, write_record
from components.core.stages import STAGES
from pipelines.lock import run_lock
from pipelines.processes import end_processes, processes_of
from pipelines.run import _ending
from pipelines.status import status_of
from tests.pipelines.results import make_corpus

ROOT = Path(__file__).parents[2]


def _until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.1)


def test_a_second_run_at_once_is_told_which_one_is_under_way(home: Home) -> None:
    told = rf"run r1 is under way \(process {os.getpid()}\)"
    with run_lock(home, "r1"), pytest.raises(ConfigurationError, match=told), run_lock(home, "r2"):
        pytest.fail("two runs held one home")


def test_the_lock_of_a_dead_run_is_no_obstacle(home: Home) -> None:
    home.root.mkdir()
    (home.root / "run.lock").write_text('{"run_id": "r1", "pid": 1}')
    with run_lock(home, "r2"):
        assert json.loads((home.root / "run.lock").read_text())["run_id"] == "r2"


@pytest.mark.parametrize("signals", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"], ids=["polite", "stubborn"])
def test_a_process_of_a_run_is_ended_though_it_left_the_session(tmp_path: Path, signals: str) -> None:
    ready, run_dir = tmp_path / "ready", tmp_path / "run"
    code = f"import pathlib, signal, time\n{signals}\npathlib.Path({str(ready)!r}).touch()\ntime.sleep(600)"
    ours, other = _start(code, run_dir), _start("import time; time.sleep(600)", tmp_path / "another")
    try:
        _until(ready.exists)
        assert end_processes(run_dir) == 1
        ours.wait(timeout=5)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def _start(code: str, run_dir: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "DESTA_RUN_DIR": str(run_dir)}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, start_new_session=True)


def _record(run_dir: Path, stage: str, state: State, **changes: Any) -> None:
    values: dict[str, Any] = {
        "reused": False,
        "rows_in": 0,
        "rows_out": 0,
        "refused": {},
        "seconds": 0.0,
        "started_s": 0.0,
        "outputs": {},
        "facts": {},
    }
    write_record(stage_file(run_dir, stage), StageRecord(stage=stage, state=state, **{**values, **changes}))


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
    ending = _ending(tmp_path, exit_code)
    assert (ending.state, ending.exit_code, ending.error) == wanted


@pytest.mark.parametrize(("error", "exit_code"), [(SourceError("a: broken"), 1), (ConfigurationError("a: wrong"), 2)])
def test_an_error_before_the_first_record_is_the_runs_error(
    tmp_path: Path, error: SourceError | ConfigurationError, exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTA_RUN_DIR", str(tmp_path))
    write_failure(error)
    ending = _ending(tmp_path, 1)
    assert (ending.state, ending.exit_code, ending.error) == (State.FAILED, exit_code, str(error))


def test_a_pipeline_that_did_not_start_says_so(tmp_path: Path) -> None:
    assert _ending(tmp_path, 1).error == "the pipeline ended before a stage began; the log may say more"


@pytest.fixture
def underway(
    home: Home, tmp_path: Path, encoder: StoredModel, llm: StoredModel
) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A real run in a folder whose name KFP would change, at the moment when its first stage began."""
    corpus = make_corpus(tmp_path / "python3 sounds")
    command = [sys.executable, "-m", "pipelines", "run", "--profile", "smoke", "--corpus", str(corpus)]
    driver = subprocess.Popen(
        [*command, "--encoder", encoder.ref, "--llm", llm.ref], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    _until(lambda: bool(list(home.runs.glob("*/stages/*.json"))) or driver.poll() is not None)
    run_dir = next(home.runs.iterdir())
    yield driver, run_dir
    driver.kill()
    driver.wait()
    end_processes(run_dir)


def test_an_interrupted_run_ends_everything_that_it_started(
    underway: tuple[subprocess.Popen[str], Path], home: Home
) -> None:
    driver, run_dir = underway
    assert list(processes_of(run_dir))
    driver.send_signal(signal.SIGINT)
    assert driver.wait(timeout=120) == 130
    assert not list(processes_of(run_dir))
    assert driver.stderr is not None
    assert "error: interrupted" in driver.stderr.read()
    assert read_run(run_dir).state is State.FAILED
    assert {path.name for path in run_dir.iterdir()} & {"kfp", "tmp", "workspace"} == set()
    tracking = read_tracking(run_dir)
    assert tracking is not None
    client = MlflowClient(home.tracking_uri, home.tracking_uri)
    assert client.get_run(tracking.mlflow_run_id).info.status == "KILLED"


def test_a_killed_run_leaves_no_process_and_does_not_block_the_next(
    underway: tuple[subprocess.Popen[str], Path], home: Home
) -> None:
    driver, run_dir = underway
    driver.kill()
    _until(lambda: not list(processes_of(run_dir)), seconds=10)
    assert status_of(run_dir).state is State.FAILED
    with run_lock(home, "next"):
        pass
