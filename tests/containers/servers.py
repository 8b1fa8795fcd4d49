"""Servers of these tests, each a process for as long as they need it."""

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serving(
    command: Sequence[str | Path], log: Path, answers: Callable[[], bool], *, within_s: float
) -> Iterator[None]:
    """Let a server run while the block does, which begins when it answers; what it prints goes into a file."""
    with log.open("wb") as printed:
        process = subprocess.Popen(command, stdout=printed, stderr=printed)
    try:
        deadline_s = time.monotonic() + within_s
        while not answers():
            if time.monotonic() > deadline_s or process.poll() is not None:
                raise RuntimeError(f"{command[0]} did not come up; {log} says why")
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait()
