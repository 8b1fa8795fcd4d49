"""What the nodes of a training say, line by line, while they say it."""

import sys
import threading
import time
from itertools import islice

from kubeflow.trainer.types.types import TrainJob

from components.core.contracts.errors import DestaError
from components.train_model.cluster import Cluster

_LAST_WORDS_S = 10.0


def say(line: str) -> None:
    """Print a line in one piece, so that those of several nodes stay apart."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


class NodeLogs:
    """Prints what each node of a TrainJob says, with the node's name before it."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster, self._name = cluster, name
        self._readers: dict[str, threading.Thread] = {}
        self._lines: dict[str, int] = {}
        self._ended: set[str] = set()
        self._unread: set[str] = set()

    def follow(self, job: TrainJob) -> None:
        """Read the log of each node that has begun; one that broke off is read on where it was."""
        for step in job.steps:
            reader = self._readers.get(step.name)
            idle = reader is None or not reader.is_alive()
            if step.status not in (None, "Pending") and idle and step.name not in self._ended:
                if step.status in ("Succeeded", "Failed"):
                    self._ended.add(step.name)
                self._readers[step.name] = threading.Thread(target=self._read, args=(step.name,), daemon=True)
                self._readers[step.name].start()

    def finish(self) -> None:
        """Wait for the last lines."""
        until_s = time.monotonic() + _LAST_WORDS_S
        for reader in self._readers.values():
            reader.join(max(0.0, until_s - time.monotonic()))

    def _read(self, node: str) -> None:
        try:
            self._print(node)
        except DestaError as error:  # whoever reads looks again, as long as the node runs
            if node not in self._unread:
                say(f"{error}; its lines are missing here")
            self._unread.add(node)

    def _print(self, node: str) -> None:
        said = self._lines.get(node, 0)
        for line in islice(self._cluster.lines(self._name, node), said, None):
            shown = line.rpartition("\r")[2]  # of a bar that was drawn over itself, what is left to see
            say(f"{node}: {shown}")
            said += 1
            self._lines[node] = said
