"""`desta schedule`: what the commands print and how they end, and the real `desta run` behind them."""

import json
import os
import signal
import subprocess
import sys
import time
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest

from components.core.home import Home
from pipelines.cli import main
from pipelines.lock import run_lock
from pipelines.schedule.fires import By, Fires, Outcome
from tests.pipelines.results import make_corpus
from tests.pipelines.schedule.kubeflow import serving
from tests.pipelines.schedule.mailbox import receiving
from tests.pipelines.schedule.making import write_schedule

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(home: Home, tmp_path: Path) -> Path:
    """The file of a schedule, on a corpus of one sound."""
    del home
    return write_schedule(tmp_path / "files", corpora=[str(make_corpus(tmp_path / "mine"))]).parent


def _desta(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    said = capsys.readouterr()
    code = ended.value.code
    assert isinstance(code, int)
    return code, said.out, said.err


def _json(capsys: pytest.CaptureFixture[str], *argv: str) -> Any:
    code, out, err = _desta(capsys, *argv, "--json")
    assert code == 0, err
    return json.loads(out)


def test_a_list_names_the_next_moment_and_makes_nothing(
    folder: Path, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    (listed,) = _json(capsys, "schedule", "list", "--folder", str(folder))
    assert [listed[key] for key in ("name", "owner", "paused", "last_outcome")] == ["weekly", "data team", False, None]
    assert listed["next"].endswith("T03:00:00+00:00")
    assert not home.root.exists()


def test_a_pause_shows_in_the_list_until_the_schedule_goes_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _desta(capsys, "schedule", "pause", "weekly", "--folder", str(folder))
    (listed,) = _json(capsys, "schedule", "list", "--folder", str(folder))
    assert (listed["paused"], listed["next"]) == (True, None)
    _desta(capsys, "schedule", "resume", "weekly", "--folder", str(folder))
    (listed,) = _json(capsys, "schedule", "list", "--folder", str(folder))
    assert listed["next"] is not None


def test_plan_and_apply_speak_to_the_cluster_that_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as kubeflow:
        monkeypatch.setenv("KFP_HOST", kubeflow.host)
        where = ("--folder", str(folder))
        assert _desta(capsys, "schedule", "plan", "--check", *where)[0] == 1
        assert _desta(capsys, "schedule", "plan", *where)[0] == 0
        assert kubeflow.runs == {}
        (change,) = _json(capsys, "schedule", "apply", *where)
        assert change == {"schedule": "weekly", "action": "create", "because": ["the cluster has none"]}
        assert len(kubeflow.runs) == 1
        code, out, _ = _desta(capsys, "schedule", "plan", "--check", *where)
        assert (code, out.split()) == (0, ["weekly", "keep"])


def test_without_the_address_of_a_cluster_nothing_is_asked(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KFP_HOST", raising=False)
    code, _, err = _desta(capsys, "schedule", "apply", "--folder", str(folder))
    assert (code, err.count("\n")) == (2, 1)
    assert "KFP_HOST" in err


def test_a_broken_file_changes_nothing_on_the_cluster(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving() as kubeflow:
        where = ("--host", kubeflow.host, "--folder", str(folder))
        _desta(capsys, "schedule", "apply", *where)
        (folder / "weekly.yaml").write_text("name: weekly")
        kubeflow.requests.clear()
        assert _desta(capsys, "schedule", "apply", *where)[0] == 2
        assert kubeflow.requests == []
        assert len(kubeflow.runs) == 1


def test_a_plan_says_what_a_schedule_would_run_and_whether_it_is_due(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _json(capsys, "plan", "--schedule", "weekly", "--folder", str(folder))
    assert (said["schedule"], said["due"]) == ("weekly", True)
    assert said["reasons"][0] == {"kind": "never_run", "text": "ingest_audio: never run"}
    assert said["stages"]["ingest_audio"] == {"action": "run", "because": ["never run"]}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["plan", "--schedule", "weekly", "--profile", "smoke"], "--profile: the file of --schedule says that"),
        (["plan", "--schedule", "weekly", "--set=train_model.steps=3"], "--set=train_model.steps=3: the file of"),
        (["plan"], "--folder: is for --schedule"),
        (["plan", "--schedule", "daily"], "no schedule 'daily'; there are: weekly"),
        (["schedule", "run-now", "daily"], "no schedule 'daily'; there are: weekly"),
        (["schedule", "pause", "daily"], "no schedule 'daily'"),
        (["schedule", "apply", "--host", "ftp://x"], "KFP_HOST: want an address of http"),
        (["schedule", "apply", "--host", "http://me:s3cret@x"], "KFP_HOST: an address without user, password"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    argv: list[str], said: str, folder: Path, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = _desta(capsys, *argv, "--folder", str(folder))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert "s3cret" not in err
    assert not home.root.exists()


def test_the_real_command_is_started_and_its_line_is_in_the_history(
    folder: Path, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """The seam is crossed for real: a `desta run` that finds the home taken ends at once, with exit code 2."""
    with receiving() as box, run_lock(home, "another"):
        email = {"to": ["a@b"], "sender": "d@b", "host": "localhost", "port": box.port, "security": "plain"}
        write_schedule(folder, corpora=[str(folder.parent / "mine")], alerts={"email": email})
        code, out, _ = _desta(capsys, "schedule", "run-now", "weekly", "--folder", str(folder), "--json")
    told = json.loads(out)
    assert (code, told["outcome"], told["run_id"]) == (1, "failed", None)
    (fire,) = _json(capsys, "schedule", "history", "weekly")
    assert (fire["by"], fire["outcome"], fire["alerts"]) == ("hand", "failed", ["failure by e-mail: delivered"])
    assert "run another is under way" in fire["detail"]
    assert "never_run: ingest_audio: never run" in fire["reasons"]
    assert b"run another is under way" in message_from_string(box.messages[0]).get_payload(decode=True)


def test_the_service_ends_at_a_signal_and_leaves_a_clean_history(folder: Path, home: Home) -> None:
    """Told to end while its real run starts, it interrupts the run, waits for it, and ends well."""
    write_schedule(folder, cron="* * * * *", corpora=[str(folder.parent / "mine")])
    Fires(home).settle("weekly", "* * * * * UTC", time.time() - 61)
    command = [sys.executable, "-m", "pipelines", "schedule", "run", "--folder", str(folder)]
    service = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not list(home.root.glob("schedules/1.log")):
            assert time.monotonic() < deadline, "it never started a run"
            assert service.poll() is None
            time.sleep(0.05)
        service.send_signal(signal.SIGTERM)
        _, err = service.communicate(timeout=60)
    finally:
        service.kill()
    assert service.returncode == 0, err
    assert [(fire.by, fire.outcome) for fire in Fires(home).history()] == [(By.SCHEDULE, Outcome.INTERRUPTED)]


def test_nothing_was_started_yet(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert _json(capsys, "schedule", "history") == []
    assert not home.root.exists()
