"""One run at a time; interrupted or killed, it leaves no process behind and says what became of it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from components.core.models.store import StoredModel
from components.core.runs import State, read_run, read_tracking
from pipelines.bundle.sealing import FOLDER
from pipelines.bundle.signing import signing_key
from pipelines.bundle.verification import verify_bundle
from pipelines.journal import Event, read_journal
from pipelines.lock import run_lock
from pipelines.openlineage.telling import events_file
from pipelines.processes import end_processes, processes_of
from pipelines.run import _recover
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
    events = [json.loads(line) for line in events_file(run_dir).read_text().splitlines()]
    assert {event["eventType"] for event in events[-2:]} == {"ABORT"}
    assert len({(event["run"]["runId"], event["eventType"]) for event in events}) == len(events)
    assert [entry.event for entry in read_journal(home)] == [Event.RUN_STARTED, Event.RUN_ENDED]
    assert len(list(verify_bundle(run_dir / FOLDER, None, home))) == 4
    shown = {artifact.path for artifact in client.list_artifacts(tracking.mlflow_run_id, FOLDER)}
    assert f"{FOLDER}/bom.cdx.json" in shown


def test_a_killed_run_leaves_no_process_and_does_not_block_the_next(
    underway: tuple[subprocess.Popen[str], Path], home: Home
) -> None:
    driver, run_dir = underway
    driver.kill()
    _until(lambda: not list(processes_of(run_dir)), seconds=10)
    assert status_of(run_dir).state is State.FAILED
    with run_lock(home, "next"):
        _recover(home, signing_key(home), None)
    assert [entry.event for entry in read_journal(home)] == [Event.RUN_STARTED, Event.RUN_ENDED]
    assert len(list(verify_bundle(run_dir / FOLDER, None, home))) == 4
