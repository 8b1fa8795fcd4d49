"""What became of the pods of a TrainJob, in Kubernetes' own words."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from kubernetes.client import ApiException, CoreV1Api

_OF_STAGE = "main"
"""How Argo calls the container of a step."""
_OF_JOBSET = "jobset.sigs.k8s.io/jobset-name"


class Pods:
    """The pods of a namespace, by the TrainJob that they belong to."""

    def __init__(self, core: CoreV1Api, namespace: str) -> None:
        self._core, self._namespace = core, namespace

    def left(self, name: str) -> list[str]:
        """Return the names of a TrainJob's pods."""
        return [pod.metadata.name for pod in self._of(name)]

    def image(self, pod: str) -> str:
        """Return the image of the container in which a stage's pod works; none where there is no such pod."""
        try:
            containers = self._core.read_namespaced_pod(pod, self._namespace).spec.containers
        except ApiException as error:
            if error.status == 404:  # this machine is no pod
                return ""
            raise
        return next((container.image for container in containers if container.name == _OF_STAGE), "")

    def why_pending(self, name: str) -> str:
        """Say what the pods of a TrainJob wait for, or why it has none."""
        pods = self._of(name)
        told = [f"pod {pod.metadata.name}: {why}" for pod in pods for why in _waiting(pod)]
        return _line("; ".join(told) or self._warned(name) or _nothing(len(pods)))

    def why_failed(self, name: str) -> str:
        """Say how the pods of a TrainJob ended: those that were taken away first, since others only missed them."""
        pods = self._of(name)
        taken = [f"pod {pod.metadata.name}: {why}" for pod in pods for why in _taken(pod)]
        ended = [f"pod {pod.metadata.name}: {why}" for pod in pods for why in _ended(pod)]
        return _line("; ".join(taken or ended) or self._warned(name) or "failed, and no pod of it is left to say why")

    def _of(self, name: str) -> list[Any]:
        found = self._core.list_namespaced_pod(self._namespace, label_selector=f"{_OF_JOBSET}={name}")
        return sorted(found.items, key=lambda pod: str(pod.metadata.name))

    def _warned(self, name: str) -> str:
        """Return the newest warning about anything that was made for a TrainJob: a quota stops jobs, and not pods."""
        with suppress(ApiException):  # it only explains
            events = self._core.list_namespaced_event(self._namespace, field_selector="type=Warning").items
            mine = [event for event in events if event.involved_object.name.startswith(name)]
            for event in mine[-1:]:
                about = event.involved_object
                return f"{about.kind} {about.name}: {event.reason}: {event.message}"
        return ""


def message_of(error: BaseException) -> str:
    """Return what an API server said, as one line."""
    body = getattr(error, "body", "") or ""
    with suppress(TypeError, ValueError, KeyError):
        return _line(json.loads(body)["message"])
    return _line(str(getattr(error, "reason", None) or error or type(error).__name__))


def _waiting(pod: Any) -> Iterator[str]:
    for container in _containers(pod):
        if waiting := container.state.waiting:
            yield f"{waiting.reason}: {waiting.message or container.image}"
    for condition in pod.status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            yield f"{condition.reason}: {condition.message}"


def _taken(pod: Any) -> Iterator[str]:
    if pod.status.reason:  # Evicted, Preempting, NodeLost
        yield f"{pod.status.reason}: {pod.status.message}"
        return
    for condition in pod.status.conditions or []:
        if condition.type == "DisruptionTarget" and condition.status == "True":
            yield f"{condition.reason}: {condition.message}"


def _ended(pod: Any) -> Iterator[str]:
    for container in _containers(pod):
        ended = container.state.terminated
        if ended and ended.exit_code:
            yield f"ended with code {ended.exit_code} ({ended.reason})"


def _containers(pod: Any) -> list[Any]:
    return [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]


def _nothing(pods: int) -> str:
    return "its pods start" if pods else "no pod was made; does Trainer's controller run in this cluster?"


def _line(text: str) -> str:
    return " ".join(text.split())
