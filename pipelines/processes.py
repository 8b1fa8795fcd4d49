"""The processes that belong to a run: found by the folder in their environment, since some leave the run's session."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil

_GRACE_S = 3.0


def processes_of(run_dir: Path) -> Iterator[psutil.Process]:
    """Yield every living process that was started for a run, the driver itself left out."""
    for process in psutil.process_iter():
        try:
            ours = process.environ().get("DESTA_RUN_DIR") == str(run_dir)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if ours and process.pid != os.getpid():
            yield process


def end_processes(run_dir: Path) -> int:
    """End all processes of a run, with a moment to end by themselves, and return how many there were."""
    asked = list(processes_of(run_dir))
    for process in asked:
        _tell(process, kill=False)
    psutil.wait_procs(asked, timeout=_GRACE_S)
    # More than once: one of them may have started another in the meantime.
    for _ in range(3):
        stubborn = list(processes_of(run_dir))
        for process in stubborn:
            _tell(process, kill=True)
        psutil.wait_procs(stubborn, timeout=_GRACE_S)
    return len(asked)


def _tell(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return
