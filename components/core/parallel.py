"""Work on all cores whose results come in the order of the items, whoever finishes first."""

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")

_POLL_S = 1.0


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def in_order(work: Callable[[T], U], items: Iterable[T], pool: Executor, workers: int) -> Iterator[U]:
    """Yield `work(item)` for each item in their order, with a few items for each worker in flight."""
    waiting: deque[Future[U]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > 2 * workers:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def processes(workers: int) -> ProcessPoolExecutor:
    """Return a pool of processes, for work that holds the interpreter lock; they end with this one, however it ends."""
    # One thread for each: the pool has the cores, and numpy's threads would wait for one another on them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Started afresh and not forked: this process may hold threads and locks of libraries.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with, initargs=(os.getpid(),))


def _end_with(parent: int) -> None:
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_S)
    os._exit(1)
