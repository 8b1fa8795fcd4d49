"""One run at a time in a home; those of a cluster, which share it, keep apart by the locks of what they change."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from components.core.runs import State, read_run, run_dirs


@contextmanager
def run_lock(home: Home, run_id: str) -> Iterator[None]:
    """Hold the home for one run; the system lets go of it when this process ends, however it ends.

    Raises:
        ConfigurationError: another run holds it; says which.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    with (home.root / "run.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = json.loads(file.read() or '{"run_id": "that is just starting", "pid": "unknown"}')
            raise ConfigurationError(
                f"{home.root}: run {holder['run_id']} is under way (process {holder['pid']}); "
                "wait for it, end it, or name another folder with DESTA_HOME"
            ) from error
        file.truncate(0)
        file.write(json.dumps({"run_id": run_id, "pid": os.getpid()}))
        file.flush()
        yield


def require_none_on_cluster(home: Home) -> None:
    """Make sure that no run on a cluster is under way in this home.

    Raises:
        ConfigurationError: one is, as far as its record says.
    """
    for record in map(read_run, run_dirs(home.runs)):
        if record.cluster and record.state is State.RUNNING:
            raise ConfigurationError(
                f"{home.root}: run {record.run_id} on {record.cluster} is under way; wait for it, or, if Kubeflow "
                f"cancelled or lost it, `desta close {record.run_id}`"
            )


def is_running(home: Home) -> bool:
    """Tell whether a run holds the home now."""
    lock = home.root / "run.lock"
    if not lock.is_file():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
