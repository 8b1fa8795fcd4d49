"""MLflow beside the run: a thread of the driver, since its import takes seconds and must not hold up the stages.

A run goes on until MLflow knows all of it: what is killed before that, the next run closes.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from components.core.contracts.errors import ExitCode
from components.core.home import Home
from components.core.runs import State, TrackingRecord
from pipelines.conclusion import told
from pipelines.ending import Ending

_EVERY_S = 1.0


class Tracker:
    """Follows a run's folder from the moment it is made; `close` says how the run ended and waits for MLflow."""

    def __init__(self, home: Home, run_dir: Path, abandoned: Sequence[TrackingRecord]) -> None:
        self._home, self._run_dir, self._abandoned = home, run_dir, abandoned
        self._ended = threading.Event()
        self._ending = Ending(State.FAILED, ExitCode.FAILED, "the driver failed")
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._work = self._thread.submit(self._follow)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close what nobody closed: the driver itself failed."""
        if not self._ended.is_set():
            self.close(self._ending)

    def close(self, ending: Ending) -> Ending:
        """Log the rest, let the policy decide about a model that passed its gate, and return how the run ended so.

        Raises:
            SourceError: MLflow could not be told; the results themselves are kept.
        """
        self._ending = ending
        self._ended.set()
        try:
            return self._work.result()
        finally:
            self._thread.shutdown()

    def _follow(self) -> Ending:
        from components.core.registry import explaining
        from components.core.tracking import RunTracking, end_abandoned

        with explaining(self._home, "the results are kept, the next run records them"):
            for left in self._abandoned:
                end_abandoned(self._home, left)
            tracking = RunTracking(self._home, self._run_dir)
            while not self._ended.wait(_EVERY_S):
                tracking.catch_up()
            return told(tracking, self._ending, self._run_dir, self._home)
