"""A stage that outlives the run that started it would write beside the next run: it ends with its driver instead."""

import os
import signal
import threading
import time

import psutil

_POLL_S = 0.5
# The clock that process start times are counted from is set while a machine runs: two readings may differ a little.
_SAME_START_S = 1.0


def process_started_s(pid: int) -> float | None:
    """Return when a process started (Unix seconds); `None` when it is gone or ended and only waits to be collected."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None


def is_alive(pid: int, started_s: float) -> bool:
    """Tell whether the process that started then still runs: a number that went to another process does not count."""
    found_s = process_started_s(pid)
    return found_s is not None and abs(found_s - started_s) < _SAME_START_S


def follow_driver() -> None:
    """End this process group soon after the process named by DESTA_DRIVER_PID is gone; without that name do nothing."""
    pid = os.environ.get("DESTA_DRIVER_PID")
    if pid:
        threading.Thread(target=_watch, args=(int(pid),), daemon=True).start()


def _watch(pid: int) -> None:
    started_s = process_started_s(pid)
    while started_s is not None and is_alive(pid, started_s):
        time.sleep(_POLL_S)
    os.killpg(os.getpgrp(), signal.SIGKILL)
