"""A Kubernetes API server with Kubeflow Trainer behind it, over real HTTP.

Each request is held to the role of a run's pods, and each body to the models of Trainer's API. What becomes of a
TrainJob is said by a test.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import kubernetes_validate
import yaml
from kubeflow_trainer_api.models.trainer_v1alpha1_train_job import TrainerV1alpha1TrainJob

from tests.http_server import Reply, Request, serving

BASE = Path(__file__).parents[3] / "infra" / "kubernetes" / "base"
NAMESPACE, TOKEN = "desta", "of-the-stage"
_TRAINER = f"/apis/trainer.kubeflow.org/v1alpha1/namespaces/{NAMESPACE}"
_ASKED = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?:v1|v1alpha1)(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<resource>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>log))?"
)
_VERBS = {"POST": "create", "DELETE": "delete"}
Manifest = dict[str, Any]
STARTED = "2026-11-28T20:00:00Z"


class Attempt(Protocol):
    """What becomes of one TrainJob."""

    def look(self) -> tuple[str, str] | None:
        """Go on a little; return the condition that is true and its message, where it has ended."""

    def statuses(self) -> list[Manifest]:
        """Return the status of each pod that is there."""

    def log(self, node: int) -> Iterator[bytes]:
        """Yield what a node says, until it ends."""

    def stop(self) -> None:
        """End what still runs."""


@dataclass
class Trainer:
    """The server's state; a TrainJob that is made takes the next of the `attempts`."""

    attempts: list[Callable[[Manifest, Manifest], Attempt]]
    jobs: dict[str, tuple[Manifest, Attempt]] = field(default_factory=dict)
    made: list[Manifest] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    leaving: dict[str, int] = field(default_factory=dict)
    runtimes: list[str] = field(default_factory=lambda: ["desta-deepspeed"])
    stage: Manifest | None = None
    events: list[Manifest] = field(default_factory=list)
    refusals: list[tuple[str, str, Reply]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Reply:
        found = _ASKED.fullmatch(request.path)
        if not found or request.headers["Authorization"] != f"Bearer {TOKEN}":
            self.faults.append(f"{request.method} {request.path}")
            return _status(404, "no such thing")
        asked = found.groupdict("")
        resource = "/".join(filter(None, (asked["resource"], asked["sub"])))
        for refusal in self.refusals:
            if refusal[:2] == (request.method, resource):
                self.refusals.remove(refusal)
                return refusal[2]
        verb = _VERBS.get(request.method) or ("get" if asked["name"] else "list")
        if asked["namespace"] != NAMESPACE or not allowed(asked["group"], resource, verb, asked["name"]):
            return _status(403, f'{asked["resource"]}.{asked["group"]} "{asked["name"]}" is forbidden: no role lets it')
        said: Reply = getattr(self, f"_{verb}_{resource.replace('/', '_')}")(request, asked["name"])
        return said

    def _get_trainingruntimes(self, _: Request, name: str) -> Reply:
        runtime = runtime_manifest()
        return _json(runtime) if name in self.runtimes else _status(404, f'trainingruntimes "{name}" not found')

    def _create_trainjobs(self, request: Request, _: str) -> Reply:
        body = json.loads(request.body)
        if TrainerV1alpha1TrainJob.from_dict(body).to_dict() != body:
            self.faults.append(f"not what Trainer reads: {body}")
        name = body["metadata"]["name"]
        pods = pod_of(body)
        kubernetes_validate.validate(pods, kubernetes_validate.latest_version(), strict=True)
        body["metadata"] |= {"namespace": NAMESPACE, "creationTimestamp": STARTED}
        self.made.append(body)
        self.jobs[name] = (body, self.attempts.pop(0)(body, pods))
        return _json(body)

    def _get_trainjobs(self, _: Request, name: str) -> Reply:
        if name not in self.jobs:
            return _status(404, f'trainjobs "{name}" not found')
        body, attempt = self.jobs[name]
        ended = attempt.look()
        conditions = [{"type": ended[0], "status": "True", "message": ended[1], "reason": "x"}] if ended else []
        conditions = [{**condition, "lastTransitionTime": STARTED} for condition in conditions]
        return _json({**body, "status": {"conditions": conditions}})

    def _delete_trainjobs(self, _: Request, name: str) -> Reply:
        if name not in self.jobs:
            return _status(404, f'trainjobs "{name}" not found')
        self.jobs.pop(name)[1].stop()
        self.deleted.append(name)
        self.leaving[name] = 2
        return _json({"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def _list_pods(self, request: Request, _: str) -> Reply:
        name = request.query["labelSelector"].partition("=")[2].partition(",")[0]
        if name in self.jobs:
            body, attempt = self.jobs[name]
            items = [named_pod(body, number, status) for number, status in enumerate(attempt.statuses())]
        else:
            self.leaving[name] = left = self.leaving.get(name, 0) - 1
            body = next((job for job in self.made if job["metadata"]["name"] == name), {})
            items = [named_pod(body, 0, {"phase": "Running"})] if left >= 0 else []
        return _json({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items})

    def _get_pods(self, _: Request, name: str) -> Reply:
        found = self.stage is not None and name == self.stage["metadata"]["name"]
        return _json(self.stage or {}) if found else _status(404, f'pods "{name}" not found')

    def _get_pods_log(self, request: Request, name: str) -> Reply:
        job, node = re.fullmatch(r"(.+)-node-0-(\d+)-\w+", name).groups()  # type: ignore[union-attr]
        if request.query.get("container") != "node" or request.query.get("follow") != "True":
            self.faults.append(f"log: {request.query}")
        return Reply(200, self.jobs[job][1].log(int(node)))

    def _list_events(self, _: Request, __: str) -> Reply:
        return _json({"kind": "EventList", "apiVersion": "v1", "metadata": {}, "items": self.events})


@contextmanager
def kubernetes(folder: Path, *attempts: Callable[[Manifest, Manifest], Attempt]) -> Iterator[Trainer]:
    """Serve a cluster that `folder`/config speaks to; ends when every request was one that the role allows."""
    trainer = Trainer(list(attempts))
    with serving(trainer.answer) as address:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": address}}],
            "users": [{"name": "stage", "user": {"token": TOKEN}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "stage", "namespace": NAMESPACE}}],
        }
        (folder / "config").write_text(yaml.safe_dump(config))
        try:
            yield trainer
        finally:
            for _, attempt in trainer.jobs.values():
                attempt.stop()
    assert trainer.faults == []


def allowed(group: str, resource: str, verb: str, name: str) -> bool:
    """Say whether the role of a run's pods lets them ask this."""
    role = next(yaml.safe_load_all((BASE / "pipeline-role.yaml").read_text()))
    return any(
        group in rule["apiGroups"]
        and resource in rule["resources"]
        and verb in rule["verbs"]
        and name in rule.get("resourceNames", [name])
        for rule in role["rules"]
    )


def runtime_manifest() -> Manifest:
    """Return the runtime of the manifests."""
    runtime: Manifest = yaml.safe_load((BASE / "trainer" / "runtime.yaml").read_text())
    return runtime


def pod_of(job: Manifest) -> Manifest:
    """Return the pod that Trainer makes of the runtime and a TrainJob: what the job says comes before the runtime."""
    (replicated,) = runtime_manifest()["spec"]["template"]["spec"]["replicatedJobs"]
    template = copy.deepcopy(replicated["template"]["spec"]["template"])
    told, container = job["spec"]["trainer"], template["spec"]["containers"][0]
    container |= {name: told[name] for name in ("command", "args", "image") if name in told}
    container["resources"] = told.get("resourcesPerNode", container["resources"])
    container["env"] = [*container["env"], *told.get("env", [])]
    for patch in job["spec"].get("runtimePatches", []):
        for one in patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]:
            template["spec"] |= one["template"]["spec"]["template"]["spec"]
    return {"apiVersion": "v1", "kind": "Pod", **template}


def named_pod(job: Manifest, node: int, status: Manifest) -> Manifest:
    """Return a pod of a TrainJob as JobSet names and labels it."""
    pod, name = pod_of(job), job["metadata"]["name"]
    labels = {
        "jobset.sigs.k8s.io/jobset-name": name,
        "jobset.sigs.k8s.io/replicatedjob-name": "node",
        "batch.kubernetes.io/job-completion-index": str(node),
    }
    metadata = {"name": f"{name}-node-0-{node}-x7f2q", "namespace": NAMESPACE, "creationTimestamp": STARTED}
    return {**pod, "metadata": {**metadata, "labels": {**pod["metadata"]["labels"], **labels}}, "status": status}


def container_status(state: Mapping[str, Any]) -> Manifest:
    """Return what Kubernetes says of the container of a node."""
    about = {"name": "node", "image": "x", "imageID": "", "ready": False, "restartCount": 0}
    return {"containerStatuses": [{**about, "state": dict(state)}]}


def refusal(code: int, message: str) -> Reply:
    """Return what an API server answers when it refuses."""
    return _status(code, message)


def _status(code: int, message: str) -> Reply:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
    return Reply(code, json.dumps(body).encode(), {"Content-Type": "application/json"})


def _json(body: Manifest) -> Reply:
    return Reply(200, json.dumps(body).encode(), {"Content-Type": "application/json"})
