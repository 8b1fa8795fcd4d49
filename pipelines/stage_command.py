"""What a stage offers beside its run: commands of its own, each a module below its folder."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from components.core.runs import log_file
from pipelines.sample_data import ROOT


def run_stage_command(module: str, arguments: Sequence[str]) -> int:
    """Run `python -m components.<module>` on this terminal and return its exit code.

    In a process of its own: the pipelines know a stage by its component, settings and command line, and not its work.
    """
    command, environment = _command(module, arguments)
    return subprocess.run(command, env=environment, check=False).returncode


def log_stage_command(module: str, arguments: Sequence[str], run_dir: Path) -> int:
    """Run `python -m components.<module>` as a process of a run, its output in the run's log; return its exit code.

    In a session of its own: it ends with the driver, and by then takes its whole group with it.
    """
    command, environment = _command(module, arguments)
    environment |= {"DESTA_RUN_DIR": str(run_dir), "DESTA_DRIVER_PID": str(os.getpid())}
    with log_file(run_dir).open("ab") as log:
        return subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            check=False,
        ).returncode


def become_stage_command(module: str, arguments: Sequence[str]) -> NoReturn:
    """Go on as `python -m components.<module>`: what ends this process, such as Ctrl-C or kill, ends the command."""
    command, environment = _command(module, arguments)
    os.execve(command[0], command, environment)  # noqa: S606 (there is no shell)


def _command(module: str, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    command = [sys.executable, "-P", "-m", f"components.{module}", *arguments]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return command, {**os.environ, "PYTHONPATH": path}
