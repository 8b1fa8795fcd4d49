"""Kubernetes' API over HTTP, kept in memory: rendered manifests as the cluster would show them after a while.

It knows who asks by a token and lets them look at what the roles of infra/kubernetes/parts/doctor name and at nothing
else, as RBAC would; and it refuses whatever is no question.
"""

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from tests import http_server
from tests.http_server import Reply, Request
from tests.infra.kubernetes.policy import templates
from tests.infra.kubernetes.rendering import Manifest
from tests.infra.kubernetes.test_references import quantity

TOKEN = "a-token-of-kubectl"
VALUE = "bm8tYm9keS1tYXktcmVhZC10aGlz"
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
# What everybody is permitted whom the cluster knows: system:discovery and system:basic-user.
KINDS = {
    "/apis/trainer.kubeflow.org/v1alpha1": ["trainjobs", "trainingruntimes", "clustertrainingruntimes"],
    "/apis/jobset.x-k8s.io/v1alpha2": ["jobsets"],
    "/apis/monitoring.coreos.com/v1": ["podmonitors", "prometheusrules", "servicemonitors"],
}


class KubernetesApi:
    """The state of the server; tests change it."""

    def __init__(self, manifests: list[Manifest], roles: list[Manifest]) -> None:
        self.things = [_shown(manifest, manifests) for manifest in copy.deepcopy(manifests)]
        self.rules = [rule for role in roles for rule in role["rules"]]
        self.kinds = copy.deepcopy(KINDS)
        self.version = "v1.37.0"
        self.forbidden: set[str] = set()
        self.broken: set[str] = set()
        self.may_not: set[tuple[str, str]] = set()
        self.requests: list[str] = []
        self.sent: list[bytes] = []
        self.host, self.reply = "", Reply(0)

    def add_secret(self, name: str, *keys: str) -> None:
        """Make a secret as `kubectl create secret` does."""
        fields: dict[str, Any] = {"f:data": {".": {}, **{f"f:{key}": {} for key in keys}}, "f:type": {}}
        history = [{"manager": "kubectl-create", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": fields}]
        metadata = {"name": name, "namespace": "desta", "managedFields": history}
        self.things.append(
            {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": dict.fromkeys(keys, VALUE)}
        )

    def thing(self, kind: str, name: str) -> Manifest:
        """Return a thing, to be changed."""
        (found,) = (each for each in self.things if (each["kind"], each["metadata"]["name"]) == (kind, name))
        return found

    def forget_key(self, secret: str, key: str) -> None:
        """Make a secret as if it had never had a key."""
        metadata = self.thing("Secret", secret)["metadata"]
        del metadata["managedFields"][0]["fieldsV1"]["f:data"][f"f:{key}"]

    def vllm(self) -> Manifest:
        """Return the servers of the backbone."""
        (found,) = (
            each
            for each in self.things
            if each["metadata"]["name"] == "vllm" and each["kind"] in {"Deployment", "StatefulSet"}
        )
        return found

    def remove(self, kind: str, name: str) -> None:
        """Take a thing away."""
        self.things.remove(self.thing(kind, name))

    def answer(self, request: Request) -> Reply:
        self.requests.append(f"{request.method} {request.path}")
        if self.reply.status:
            return self.reply
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _status(401, "Unauthorized")
        reply = self._answer(request)
        assert isinstance(reply.body, bytes)
        self.sent.append(reply.body)
        return reply

    def _answer(self, request: Request) -> Reply:
        if (request.method, request.path) == ("POST", _REVIEWS):
            return self._reviewed(json.loads(request.body))
        if request.method != "GET":
            return _status(405, "nothing is changed here")
        if request.path == "/version":
            return _json(200, {"gitVersion": self.version})
        if request.path in self.kinds:
            names = [{"name": name} for name in self.kinds[request.path]]
            return _json(200, {"kind": "APIResourceList", "groupVersion": request.path[6:], "resources": names})
        if request.path in KINDS:
            return _status(404, "the server could not find the requested resource")
        return self._looked_at(request)

    def _reviewed(self, body: dict[str, Any]) -> Reply:
        """Take what the official client's model would send, and answer as the API server does."""
        read = client.ApiClient()._ApiClient__deserialize(body, client.V1SelfSubjectAccessReview)
        if client.ApiClient().sanitize_for_serialization(read) != body:
            return _status(400, "not what the client would send")
        wanted = body["spec"]["resourceAttributes"]
        allowed = (wanted["verb"], wanted["resource"]) not in self.may_not
        return _json(201, {**body, "status": {"allowed": allowed}})

    def _looked_at(self, request: Request) -> Reply:
        group, version, namespace, resource, name = parts_of(request.path)
        if resource in self.broken:
            return _status(500, "the store of the cluster is away")
        if not self._permitted(group, resource, name):
            return _status(403, f"{resource} is forbidden: user may not {'get' if name else 'list'} it")
        found = [each for each in self.things if _is(each, group, version, namespace, resource, name)]
        if name and not found:
            return _status(404, f'{resource} "{name}" not found')
        if "PartialObjectMetadata" in request.headers["Accept"]:
            return _json(200, {"kind": "PartialObjectMetadata", "metadata": found[0]["metadata"]})
        return _json(200, found[0] if name else {"kind": "List", "items": found})

    def _permitted(self, group: str, resource: str, name: str | None) -> bool:
        return resource not in self.forbidden and any(
            group in rule["apiGroups"]
            and resource in rule["resources"]
            and ("get" if name else "list") in rule["verbs"]
            and (name in rule["resourceNames"] if "resourceNames" in rule else True)
            for rule in self.rules
        )


@contextmanager
def serving(manifests: list[Manifest], roles: list[Manifest]) -> Iterator[KubernetesApi]:
    """Serve on a free port of this machine."""
    api = KubernetesApi(manifests, roles)
    with http_server.serving(api.answer) as api.host:
        yield api


def write_kubeconfig(file: Path, host: str, token: str = TOKEN) -> Path:
    """Write what kubectl would have for this cluster, with a second context that leads nowhere."""
    clusters = [
        {"name": "here", "cluster": {"server": host}},
        {"name": "nowhere", "cluster": {"server": "http://127.0.0.1:9"}},
    ]
    contexts = [{"name": each["name"], "context": {"cluster": each["name"], "user": "me"}} for each in clusters]
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": clusters,
        "contexts": contexts,
        "users": [{"name": "me", "user": {"token": token}}],
    }
    file.write_text(yaml.safe_dump(content))
    return file


def node(
    name: str, gpus: int = 0, taint: str | None = None, cpu: int = 64, memory: str = "512Gi", **labels: str
) -> Manifest:
    """Return a node that is ready."""
    allocatable = {"cpu": str(cpu), "memory": memory, "pods": "110", **({"nvidia.com/gpu": str(gpus)} if gpus else {})}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {label.replace("_", "/"): value for label, value in labels.items()}},
        "spec": {"taints": [{"key": taint, "effect": "NoSchedule"}]} if taint else {},
        "status": {"allocatable": allocatable, "conditions": [{"type": "Ready", "status": "True"}]},
    }


def storage_class(name: str, *, default: bool) -> Manifest:
    """Return a storage class."""
    mark = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name, "annotations": mark}}


def _shown(manifest: Manifest, beside: list[Manifest]) -> Manifest:
    """Return a manifest as the API shows it when all is up."""
    status: dict[str, Any] = manifest.get("status", {})
    if manifest["kind"] == "PersistentVolumeClaim":
        status = {"phase": "Bound", "accessModes": manifest["spec"]["accessModes"]}
    elif manifest["kind"] in {"Deployment", "StatefulSet"} and "replicas" in manifest["spec"]:
        status = {"readyReplicas": manifest["spec"]["replicas"]} if manifest["spec"]["replicas"] else {}
    elif manifest["kind"] == "ResourceQuota":
        hard = manifest["spec"]["hard"]
        status = {"hard": hard, "used": {key: str(_used(key, beside)) for key in hard if key.count(".")}}
    return {**manifest, "status": status}


def _used(key: str, manifests: list[Manifest]) -> int:
    part, _, what = key.partition(".")
    used = 0.0
    for manifest in manifests:
        if manifest["kind"] in {"Deployment", "StatefulSet"}:
            (pod,) = templates([manifest])
            each = sum(quantity(container["resources"].get(part, {}).get(what, "0")) for container in pod.containers)
            used += each * manifest["spec"].get("replicas", 1)
    return int(-(-used // 1))


def parts_of(path: str) -> tuple[str, str, str | None, str, str | None]:
    """Return group, version, namespace, resource and name of what a path is about."""
    words = path.strip("/").split("/")
    group, version, rest = (words[1], words[2], words[3:]) if words[0] == "apis" else ("", words[1], words[2:])
    namespace = None
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    return group, version, namespace, rest[0], rest[1] if len(rest) > 1 else None


def _is(thing: Manifest, group: str, version: str, namespace: str | None, resource: str, name: str | None) -> bool:
    kind = thing["kind"].lower()
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}es" if kind.endswith("s") else f"{kind}s"
    return (
        thing["apiVersion"] == (f"{group}/{version}" if group else version)
        and plural == resource
        and (namespace is None or thing["metadata"].get("namespace") == namespace)
        and name in {None, thing["metadata"]["name"]}
    )


def _status(code: int, message: str) -> Reply:
    return _json(code, {"kind": "Status", "status": "Failure", "code": code, "message": message})


def _json(status: int, body: object) -> Reply:
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json"})
