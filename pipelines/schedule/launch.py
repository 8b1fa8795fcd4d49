"""A run of a schedule: the command `desta run` as a process of its own, and what it came to."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from components.core.home import Home
from pipelines.sample_data import ROOT
from pipelines.schedule.schedules import Schedule

_POLL_S = 0.2


@dataclass(frozen=True)
class Ended:
    """How the command ended: its exit code (below zero: the signal), the run that it made, its last error line."""

    exit_code: int
    run_id: str | None
    error: str | None


def launch(schedule: Schedule, home: Home, files: Path, stop: Event) -> Ended:
    """Run `desta run` for a schedule to its end, or to the moment when `stop` is set: then it is interrupted.

    What it prints is kept in `files`.json and `files`.log, so that it needs nobody to read it.
    """
    output, log = files.with_suffix(".json"), files.with_suffix(".log")
    command = [sys.executable, "-m", "pipelines", "run", *schedule.arguments(), "--json"]
    environment = {
        **os.environ,
        "DESTA_HOME": str(home.root),
        "DESTA_MODELS": str(home.models.absolute()),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
    }
    with output.open("wb") as out, log.open("wb") as err:
        # A session of its own: Ctrl-C at a terminal is for the scheduler, which then interrupts the run once.
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )
        while process.poll() is None and not stop.wait(_POLL_S):
            pass
        if process.poll() is None:
            process.terminate()
    return Ended(process.wait(), _run_id(output), _error(log))


def _run_id(output: Path) -> str | None:
    try:
        return str(json.loads(output.read_bytes())["run_id"])
    except (ValueError, KeyError, TypeError):
        return None


def _error(log: Path) -> str | None:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return errors[-1] if errors else next(reversed(lines), None)
