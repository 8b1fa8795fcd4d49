"""A training on several nodes: a TrainJob of Kubeflow Trainer, started again wherever its pods were taken away."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from components.core.contracts.errors import ConfigurationError, DestaError, SourceError
from components.core.digests import digest_of
from components.core.home import Home, current_home
from components.core.publishing import write_file
from components.train_model.cluster import Cluster, connected
from components.train_model.node_logs import NodeLogs, say
from components.train_model.training_job import TrainingJob

_LOOK_S = 2.0
_QUIET_S = 30.0
"""How long nodes may come up before somebody is told what they wait for."""
_LONGEST_WAIT_S = 600.0
_LATE_S = 60.0


def train_on_nodes(job: TrainingJob, file: Path) -> None:
    """Have a job trained by a TrainJob and wait for it; a stage that was started again goes on with the one that runs.

    An attempt that ends before its work is made again from its newest checkpoint. However this ends, the TrainJob and
    its pods are taken away.

    Raises:
        ConfigurationError: the nodes would not see what they train on, or the cluster refuses the TrainJob.
        SourceError: the training failed, or was taken away more often than `restarts` lets it.
    """
    check_seen(job, current_home())
    cluster, nodes = connected(), job.settings.trainer
    failures, newest = 0, _newest(job)
    with _ended_by_signals():
        while (ended := _attempt(job, file, cluster)) is not None:
            failures, newest = (1, _newest(job)) if _newest(job) > newest else (failures + 1, newest)
            if failures > nodes.restarts:
                raise SourceError(
                    f"train_model: {ended}; given up after {nodes.restarts} restarts without a checkpoint"
                )
            wait_s = min(nodes.restart_s * 2 ** (failures - 1), _LONGEST_WAIT_S)
            say(f"train_model: {ended}; goes on from {newest or 'its beginning'} in {wait_s:g} s")
            time.sleep(wait_s)
            _raise_explained(job)
        if not _appears(job.model):
            raise SourceError(f"train_model: the nodes ended well and left no {job.model}; do they see this very home?")


def check_seen(job: TrainingJob, home: Home) -> None:
    """Make sure that all a node has to read is where it looks too: in the home, or among the models.

    Raises:
        ConfigurationError: names what is not.
    """
    for what in (job.accepted, job.clips, job.encoder, job.llm, job.folder):
        if not any(Path(what).is_relative_to(seen) for seen in (home.root, home.models)):
            raise ConfigurationError(
                f"train_model: {what}: nodes see the home {home.root} and the models {home.models} only"
            )


def _attempt(job: TrainingJob, file: Path, cluster: Cluster) -> str | None:
    """Return why an attempt ended before its work, in the cluster's words; `None` where it did its work."""
    running = _running(job, cluster)
    name = running or _next(job, cluster)
    try:
        if not running:
            cluster.create(name, job.settings, file)
        ended = _watched(name, job, cluster)
    except BaseException:
        with suppress(DestaError):  # what is told is why it ended
            cluster.delete(name)
        raise
    cluster.delete(name)
    _raise_explained(job)
    return ended


def _raise_explained(job: TrainingJob) -> None:
    if job.error_file.is_file():
        raise SourceError(job.error_file.read_text())


def _appears(folder: Path) -> bool:
    """Say whether what a node has written is there; a network's file system tells others of it a little later."""
    since_s = time.monotonic()
    while not folder.is_dir() and time.monotonic() - since_s < _LATE_S:
        time.sleep(_LOOK_S)
    return folder.is_dir()


def _running(job: TrainingJob, cluster: Cluster) -> str | None:
    name = _name(job, _number(job))
    return name if cluster.find(name) else None


def _next(job: TrainingJob, cluster: Cluster) -> str:
    """Return the name of the next TrainJob; its number is written down first, so that whoever comes after finds it."""
    number = _number(job)
    cluster.wait_until_gone(_name(job, number))  # two trainings in one folder would overwrite each other
    job.error_file.unlink(missing_ok=True)
    write_file(_number_file(job), str(number + 1))
    return _name(job, number + 1)


def _watched(name: str, job: TrainingJob, cluster: Cluster) -> str | None:
    logs, waits = NodeLogs(cluster, name), _Waiting(name, job.settings.trainer.pending_s)
    while True:
        found = cluster.find(name)
        if found is None:
            return f"TrainJob {name}: was deleted by somebody else"
        logs.follow(found)
        if found.status == "Complete":
            logs.finish()
            return None
        if found.status == "Failed":
            logs.finish()
            return f"TrainJob {name}: {cluster.why_failed(name)}"
        waits.look(cluster, [step for step in found.steps if step.status != "Pending"], found.num_nodes)
        time.sleep(_LOOK_S)


class _Waiting:
    """Says what nodes wait for, and when that has been long enough."""

    def __init__(self, name: str, limit_s: float) -> None:
        self._name, self._limit_s = name, limit_s
        self._since_s = time.monotonic()
        self._said = ""

    def look(self, cluster: Cluster, begun: list[object], nodes: int) -> None:
        waited_s = time.monotonic() - self._since_s
        if len(begun) >= nodes:
            self._since_s = time.monotonic()
        elif waited_s > self._limit_s:
            why = cluster.why_pending(self._name)
            raise SourceError(
                f"train_model: TrainJob {self._name}: not all nodes ran within {self._limit_s:g} s: {why}"
            )
        elif waited_s > min(_QUIET_S, self._limit_s / 2) and (why := cluster.why_pending(self._name)) != self._said:
            self._said = why
            say(f"train_model: TrainJob {self._name} waits: {why}")


def _name(job: TrainingJob, number: int) -> str:
    return f"train-model-{digest_of(job.model_dump(mode='json'))[:12]}-{number}"


def _number_file(job: TrainingJob) -> Path:
    return Path(job.folder) / "train_job"


def _number(job: TrainingJob) -> int:
    file = _number_file(job)
    return int(file.read_text()) if file.is_file() else 0


def _newest(job: TrainingJob) -> str:
    return max((checkpoint.name for checkpoint in job.checkpoints.glob("step-*")), default="")


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Leave by an exception at SIGTERM, by which Kubernetes takes a pod away, so that what was made is taken away."""

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
