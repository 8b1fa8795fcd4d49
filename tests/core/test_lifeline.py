"""A stage ends with its driver, and takes no other process for it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from components.core.lifeline import is_alive, process_started_s

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
FOLLOW = [
    sys.executable,
    "-c",
    "from components.core.lifeline import follow_driver as f; import time; f(); time.sleep(600)",
]


def test_this_process_is_alive_and_not_one_that_started_at_another_time() -> None:
    started_s = process_started_s(os.getpid())
    assert started_s is not None
    assert is_alive(os.getpid(), started_s)
    assert not is_alive(os.getpid(), started_s - 60)


def test_a_process_that_ended_but_was_not_collected_is_not_alive() -> None:
    child = subprocess.Popen(SLEEP)
    started_s = process_started_s(child.pid) or 0.0
    child.kill()
    _until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
    assert not is_alive(child.pid, started_s)
    child.wait()
    assert process_started_s(child.pid) is None


def test_a_stage_ends_within_seconds_when_its_driver_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = subprocess.Popen(SLEEP)
    monkeypatch.setenv("DESTA_DRIVER_PID", str(driver.pid))
    stage = subprocess.Popen(FOLLOW, start_new_session=True, cwd=Path(__file__).parents[2])
    with pytest.raises(subprocess.TimeoutExpired):
        stage.wait(timeout=4)
    driver.kill()
    assert stage.wait(timeout=5) == -signal.SIGKILL
    driver.wait()


def test_a_stage_whose_driver_was_gone_before_it_began_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = subprocess.Popen(SLEEP)
    driver.kill()
    driver.wait()
    monkeypatch.setenv("DESTA_DRIVER_PID", str(driver.pid))
    stage = subprocess.Popen(FOLLOW, start_new_session=True, cwd=Path(__file__).parents[2])
    assert stage.wait(timeout=20) == -signal.SIGKILL


def _until(condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it never happened")
