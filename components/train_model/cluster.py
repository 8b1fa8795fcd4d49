"""The few things that a training asks a Kubernetes cluster, through Kubeflow's own SDK."""

import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from kubeflow.trainer import CustomTrainerContainer, TrainerClient
from kubeflow.trainer.options import (
    JobSetSpecPatch,
    JobSetTemplatePatch,
    JobSpecPatch,
    JobTemplatePatch,
    Labels,
    Name,
    PodSpecPatch,
    PodTemplatePatch,
    ReplicatedJobPatch,
    RuntimePatch,
    TrainerArgs,
    TrainerCommand,
    TrainingRuntimeSpecPatch,
)
from kubeflow.trainer.types.types import TrainJob
from kubernetes.client import ApiException
from kubernetes.config import ConfigException
from urllib3.exceptions import HTTPError

from components.core.contracts.errors import ConfigurationError, DestaError, SourceError
from components.core.runs import current_run_dir
from components.train_model.launch import torchrun
from components.train_model.nodes import TrainerNodes
from components.train_model.pods import Pods, message_of
from components.train_model.settings import TrainModelSettings

_LABELS = {"app.kubernetes.io/name": "trainer", "app.kubernetes.io/part-of": "desta"}
Answer = TypeVar("Answer")
_NO_ANSWER = (RuntimeError, TimeoutError, ApiException, HTTPError)
"""What the SDK and the client below it raise."""
_UNREACHABLE_S = 600.0
_GONE_S = 300.0
_LOOK_S = 1.0


def connected() -> "Cluster":
    """Return the cluster that this pod is in, or that kubectl speaks to from here.

    Raises:
        ConfigurationError: there is none.
    """
    # It warns where it may not read which version Trainer has, and asks for nothing that depends on it.
    logging.getLogger("kubeflow.trainer.backends.kubernetes.backend").setLevel(logging.ERROR)
    try:
        return Cluster(TrainerClient())
    except ConfigException as error:
        raise ConfigurationError(f"train_model.launcher trainer: no cluster to train in: {error}") from error


class Cluster:
    """Trainer's part of a namespace."""

    def __init__(self, client: TrainerClient) -> None:
        self._client = client
        self._pods = Pods(client.backend.core_api, client.backend.namespace)

    def create(self, name: str, settings: TrainModelSettings, file: Path) -> None:
        """Make a TrainJob; one that is there already, because the answer to an earlier request was lost, is as good.

        Raises:
            ConfigurationError: there is no such runtime, or Kubernetes refuses it; says so in its words.
            SourceError: the API server does not answer.
        """
        nodes = settings.trainer
        runtime = self._asked(f"TrainingRuntime {nodes.runtime}", lambda: self._client.get_runtime(nodes.runtime))
        # The image of this pod, so that nodes and stage have one code; outside of a pod none, which is the runtime's.
        image = self._asked("the pod of the stage", lambda: self._pods.image(socket.gethostname()))
        trainer = CustomTrainerContainer(
            image=image, num_nodes=settings.nodes, resources_per_node=dict(nodes.resources), env=_variables(settings)
        )
        command = ["python", *torchrun(settings)]
        options = [Name(name), Labels(dict(_LABELS)), TrainerCommand(command), TrainerArgs([str(file)])]

        def make() -> None:
            with _accepting(409):
                self._client.train(runtime=runtime, trainer=trainer, options=[*options, *_placed(nodes)])

        self._asked(f"TrainJob {name}", make)

    def find(self, name: str) -> TrainJob | None:
        """Return a TrainJob, where there is one of this name.

        Raises:
            ConfigurationError: this account may not ask.
            SourceError: the API server does not answer.
        """

        def look() -> TrainJob | None:
            try:
                return self._client.get_job(name)
            except RuntimeError as error:
                # Its runtime is asked for too, and may be missing where the TrainJob is not.
                if _status(error) == 404 and str(error).startswith("Failed to get TrainJob"):
                    return None
                raise

        return self._asked(f"TrainJob {name}", look)

    def lines(self, name: str, node: str) -> Iterator[str]:
        """Yield what a node says, from its beginning until it ends or the connection does.

        Raises:
            DestaError: it cannot be read, or no further.
        """
        try:
            yield from self._client.get_job_logs(name, step=node, follow=True)
        except _NO_ANSWER as error:
            raise self._explained(f"the log of {node} of TrainJob {name}", error) from error

    def delete(self, name: str) -> None:
        """Delete a TrainJob, and with it its pods.

        Raises:
            ConfigurationError: this account may not.
            SourceError: the API server does not answer.
        """

        def take_away() -> None:
            with _accepting(404):
                self._client.delete_job(name)

        self._asked(f"TrainJob {name}, which is still there,", take_away)

    def wait_until_gone(self, name: str) -> None:
        """Wait until no pod of a deleted TrainJob is left.

        Raises:
            ConfigurationError: this account may not look at pods.
            SourceError: one does not go, as on a machine that nobody reaches: it may still be writing.
        """
        since_s = time.monotonic()
        while left := self._asked(f"pods of TrainJob {name}", lambda: self._pods.left(name)):
            if time.monotonic() - since_s > _GONE_S:
                raise SourceError(f"train_model: pod {left[0]} of an earlier attempt does not end; delete it")
            time.sleep(_LOOK_S)

    def why_pending(self, name: str) -> str:
        """Say what the nodes of a TrainJob wait for, in Kubernetes' words."""
        return _told(self._pods.why_pending, name)

    def why_failed(self, name: str) -> str:
        """Say what became of the nodes of a TrainJob, in Kubernetes' words."""
        return _told(self._pods.why_failed, name)

    def _asked(self, what: str, ask: Callable[[], Answer]) -> Answer:
        """Ask, again for ten minutes where the API server does not answer."""
        since_s = time.monotonic()
        while True:
            try:
                return ask()
            except _NO_ANSWER as error:
                if not _passes(error) or time.monotonic() - since_s > _UNREACHABLE_S:
                    raise self._explained(what, error) from error
            time.sleep(_LOOK_S)

    def _explained(self, what: str, error: Exception) -> DestaError:
        cause = error.__cause__ or error
        where = f"train_model: {what} in namespace {self._client.backend.namespace}"
        status = _status(error)
        if status == 404 or (status == 403 and "clustertrainingruntimes" in message_of(cause)):
            return ConfigurationError(f"{where}: there is none; apply infra/kubernetes/base/trainer, or name another")
        if _passes(error):
            return SourceError(f"{where}: the API server does not answer: {message_of(cause)}")
        refused = f"Kubernetes refuses it ({status})" if status else "cannot be used"
        return ConfigurationError(f"{where}: {refused}: {message_of(cause)}")


def _told(ask: Callable[[str], str], name: str) -> str:
    try:
        return ask(name)
    except _NO_ANSWER as error:  # it only explains: what goes on goes on without it
        return f"the API server does not say why: {message_of(error)}"


def _placed(nodes: TrainerNodes) -> list[RuntimePatch]:
    if not nodes.node_selector and not nodes.tolerations:
        return []
    pod = PodSpecPatch(
        node_selector=dict(nodes.node_selector) or None, tolerations=[dict(one) for one in nodes.tolerations] or None
    )
    job = JobTemplatePatch(spec=JobSpecPatch(template=PodTemplatePatch(spec=pod)))
    jobs = JobSetSpecPatch(replicated_jobs=[ReplicatedJobPatch(name="node", template=job)])
    return [RuntimePatch(TrainingRuntimeSpecPatch(template=JobSetTemplatePatch(spec=jobs)))]


def _variables(settings: TrainModelSettings) -> dict[str, str]:
    """Return what a stage that starts its own processes would have told them of the machine."""
    resources = settings.trainer.resources
    # Nodes tell the run of the stage how the training goes.
    run_dir = current_run_dir()
    run = {"DESTA_RUN_DIR": str(run_dir)} if run_dir else {}
    if not resources:
        return run
    on_cpu = {} if any("/" in kind for kind in resources) else {"DS_ACCELERATOR": "cpu"}
    cpu = resources.get("cpu", "")
    threads = {"OMP_NUM_THREADS": str(max(1, int(cpu) // settings.processes))} if cpu.isdecimal() else {}
    return {**run, **threads, **on_cpu}


@contextmanager
def _accepting(status: int) -> Iterator[None]:
    """Pass over an answer that says that it was done already."""
    try:
        yield
    except RuntimeError as error:
        if _status(error) != status:
            raise


def _status(error: Exception) -> int | None:
    cause = error.__cause__ or error
    return cause.status if isinstance(cause, ApiException) else None


def _passes(error: Exception) -> bool:
    """Say whether another moment may bring another answer."""
    status = _status(error)
    if status is not None:
        return status == 429 or status >= 500
    return isinstance(error, TimeoutError) or isinstance(error.__cause__ or error, HTTPError | OSError)
