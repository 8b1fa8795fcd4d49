"""One run at a time in a home."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home


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
