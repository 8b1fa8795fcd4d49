"""Kubeflow Pipelines over HTTP, kept in memory: the endpoints that a submitted run needs, and the faults they can have.

Every body has to be what the official client's own models know: an unknown field, a field that only the server writes,
or one that is missing is refused, as the real server does.
"""

import email
import email.policy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from tests import http_server
from tests.http_server import Reply, Request
from tests.kubeflow_bodies import misread

Fault = Callable[[str], int | None]
"""Looks at a request such as `POST /runs`, and says which error status to answer, if any."""
_ROOT = "/apis/v2beta1"
_WRITTEN_BY_SERVER = {"run_id", "pipeline_id", "pipeline_version_id", "experiment_id", "created_at", "state", "error"}
_NEEDED = {
    "V2beta1Pipeline": {"name", "display_name"},
    "V2beta1Experiment": {"display_name"},
    "V2beta1Run": {"display_name", "experiment_id", "pipeline_version_reference", "runtime_config", "service_account"},
}


class Kubeflow:
    """The state of the server; `fault` may answer a request with an error status instead."""

    def __init__(self) -> None:
        self.multi_user, self.version = True, "2.17.0"
        self.pipelines: list[dict[str, Any]] = []
        self.versions: list[dict[str, Any]] = []
        self.experiments: list[dict[str, Any]] = []
        self.runs: dict[str, dict[str, Any]] = {}
        self.course: list[dict[str, Any]] = []
        """What a run changes by, each time that it is looked at."""
        self.logs: dict[str, str] = {}
        self.requests: list[str] = []
        self.tokens: list[str | None] = []
        self.fault: Fault = lambda _: None
        self.content_type, self.host = "application/json", ""
        self._lock = threading.RLock()

    def posts(self) -> list[str]:
        return [request for request in self.requests if request.startswith("POST")]

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> tuple[int, Any]:
        request = f"{method} {path.removeprefix(_ROOT)}"
        with self._lock:
            self.requests.append(request)
        if status := self.fault(request):
            return status, {"message": "told to fail"}
        with self._lock:
            return self._route(request, query, body, kind)

    def _route(self, request: str, query: dict[str, str], body: bytes, kind: str) -> tuple[int, Any]:  # noqa: C901, PLR0911
        # One case for each endpoint.
        match request.replace("/", " ").split():
            case ["GET", "healthz"]:
                return 200, {"commit_sha": "unknown", "tag_name": self.version, "multi_user": self.multi_user}
            case ["GET", "pipelines"]:
                return self._listed("pipelines", self.pipelines, query)
            case ["POST", "pipelines"]:
                return self._made("V2beta1Pipeline", self.pipelines, "pipeline_id", body)
            case ["GET", "pipelines", pipeline, "versions"]:
                of_it = [version for version in self.versions if version["pipeline_id"] == pipeline]
                return self._listed("pipeline_versions", of_it, query)
            case ["POST", "pipelines", "upload_version"]:
                return self._uploaded(query, body, kind)
            case ["GET", "experiments"]:
                return self._listed("experiments", self.experiments, query)
            case ["POST", "experiments"]:
                return self._made("V2beta1Experiment", self.experiments, "experiment_id", body)
            case ["POST", "runs"]:
                return self._started(body)
            case ["GET", "runs"]:
                wanted = query.get("experiment_id")
                newest = [run for run in reversed(self.runs.values()) if wanted in {None, run["experiment_id"]}]
                return 200, {"runs": newest[: int(query["page_size"])], "total_size": len(newest)}
            case ["GET", "runs", run]:
                return self._seen(run)
            case ["POST", "runs", ended] if ended.endswith(":terminate"):
                self.runs[ended.removesuffix(":terminate")]["state"] = "CANCELING"
                return 200, {}
            case ["GET", "apis", "v1alpha1", "runs", _, "nodes", pod, "log"] if pod in self.logs:
                return 200, self.logs[pod]
        return 404, {"message": f"{request} not found"}

    def _listed(self, field: str, found: list[dict[str, Any]], query: dict[str, str]) -> tuple[int, Any]:
        if not self.multi_user and "namespace" in query:
            return 400, {"message": "in single-user mode, no namespace is wanted"}
        (wanted,) = json.loads(query["filter"])["predicates"]
        assert (wanted["operation"], wanted["key"]) == ("EQUALS", "display_name")
        return 200, {field: [each for each in found if each["display_name"] == wanted["stringValue"]]}

    def _made(self, model: str, there: list[dict[str, Any]], key: str, body: bytes) -> tuple[int, Any]:
        given = json.loads(body)
        if fault := self._fault(given, model):
            return 400, {"message": fault}
        if any(each["display_name"] == given["display_name"] for each in there):
            return 409, {"message": "there is one of that name"}
        there.append({**given, key: f"{key}-{len(there)}"})
        return 200, there[-1]

    def _uploaded(self, query: dict[str, str], body: bytes, kind: str) -> tuple[int, Any]:
        message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=email.policy.HTTP)
        (part,) = message.iter_parts()
        documents = list(yaml.safe_load_all(part.get_content()))
        if part.get_param("name", header="Content-Disposition") != "uploadfile" or "pipelineInfo" not in documents[0]:
            return 400, {"message": "no pipeline in it"}
        if any(version["name"] == query["name"] for version in self.versions):
            return 409, {"message": "there is one of that name"}
        names = {"name": query["name"], "display_name": query["display_name"], "pipeline_id": query["pipelineid"]}
        made = {**names, "pipeline_version_id": f"version-{len(self.versions)}"}
        self.versions.append({**made, "documents": documents})
        return 200, made

    def _started(self, body: bytes) -> tuple[int, Any]:
        given = json.loads(body)
        if fault := self._fault(given, "V2beta1Run"):
            return 400, {"message": fault}
        (version,) = [
            each
            for each in self.versions
            if given["pipeline_version_reference"]
            == {name: each[name] for name in ("pipeline_id", "pipeline_version_id")}
        ]
        wanted = version["documents"][0]["root"]["inputDefinitions"]["parameters"].keys()
        if given["runtime_config"]["parameters"].keys() != wanted:
            return 400, {"message": f"parameters: want {sorted(wanted)}"}
        name = f"run-{len(self.runs)}"
        self.runs[name] = {**given, "run_id": name, "state": "PENDING", "created_at": "2026-11-28T10:00:00Z"}
        return 200, self.runs[name]

    def _seen(self, name: str) -> tuple[int, Any]:
        if name not in self.runs:
            return 404, {"message": f"run {name} not found"}
        if self.course:
            self.runs[name].update(self.course.pop(0))
        return 200, self.runs[name]

    def _fault(self, given: dict[str, Any], model: str) -> str | None:
        """Say what the official client's model would not make of a body, or the server would not take."""
        if fault := misread(given, model):
            return fault
        if written := (_WRITTEN_BY_SERVER - _NEEDED[model]) & given.keys():
            return f"{min(written)} is written by the server"
        if missing := _NEEDED[model] - given.keys():
            return f"{min(missing)} is missing"
        if model != "V2beta1Run" and ("namespace" in given) != self.multi_user:
            return "a namespace is wanted with several users, and only then"
        return None


@contextmanager
def serving() -> Iterator[Kubeflow]:
    """Serve on a free port of this machine."""
    kubeflow = Kubeflow()

    def answer(request: Request) -> Reply:
        kubeflow.tokens.append(request.headers.get("Authorization"))
        kind = request.headers.get("Content-Type") or ""
        status, said = kubeflow.answer(request.method, request.path, request.query, request.body, kind)
        if isinstance(said, str):
            return Reply(status, said.encode(), {"Content-Type": "text/plain"})
        return Reply(status, json.dumps(said).encode(), {"Content-Type": kubeflow.content_type})

    with http_server.serving(answer) as kubeflow.host:
        yield kubeflow
