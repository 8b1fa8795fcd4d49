"""MLflow beside the run: a thread of the driver, since its import takes seconds and must not hold up the stages."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from components.core.contracts.errors import SourceError
from components.core.home import Home
from components.core.runs import TrackingRecord

_EVERY_S = 1.0


class Tracker:
    """Follows a run's folder from the moment it is made; `close` says how the run ended and waits for MLflow."""

    def __init__(self, home: Home, run_dir: Path, abandoned: Sequence[TrackingRecord]) -> None:
        self._home, self._run_dir, self._abandoned = home, run_dir, abandoned
        self._ended = threading.Event()
        self._status = "FINISHED"
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._work = self._thread.submit(self._follow)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close what nobody closed: the driver itself failed."""
        if not self._ended.is_set():
            self.close("FAILED")

    def close(self, status: str) -> None:
        """Log the rest and end MLflow's run as `status`.

        Raises:
            SourceError: MLflow could not be told; the results themselves are kept.
        """
        self._status = status
        self._ended.set()
        self._work.result()
        self._thread.shutdown()

    def _follow(self) -> None:
        from mlflow.exceptions import MlflowException

        from components.core.tracking import RunTracking, end_abandoned

        try:
            for left in self._abandoned:
                end_abandoned(self._home, left)
            tracking = RunTracking(self._home, self._run_dir)
            while not self._ended.wait(_EVERY_S):
                tracking.catch_up()
            tracking.close(self._status)
        except (MlflowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise SourceError(
                f"MLflow at {self._home.tracking_uri}: {reason}; the results are kept, the next run records them"
            ) from error
