"""Kubeflow's recurring runs over HTTP, kept in memory: what the real server takes, and the faults that it can have.

Every body has to be what the official client knows: an unknown field, a field that only the server writes, or a cron
without seconds is refused, as the real server does.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kfp_server_api

Fault = Callable[[str], int | None]
"""Looks at a request such as `POST /recurringruns`, and says which error status to answer, if any."""
_MODELS = {"/apis/v2beta1/recurringruns": "V2beta1RecurringRun", "/apis/v2beta1/experiments": "V2beta1Experiment"}
_WRITTEN_BY_SERVER = {"recurring_run_id", "created_at", "updated_at", "status", "error"}


class Kubeflow:
    """The state of the server; `before` and `after` may answer a request with an error status instead."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        self.experiments: dict[str, dict[str, Any]] = {}
        self.requests: list[str] = []
        self.enabled_at_once: list[int] = []
        self.before: Fault = lambda _: None
        self.after: Fault = lambda _: None
        self.page_size = 100
        self.host, self.content_type = "", "application/json"
        self.tokens: list[str | None] = []
        self._number, self._lock = 0, threading.RLock()

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        request = f"{method} {path.removeprefix('/apis/v2beta1')}"
        with self._lock:
            if method != "GET":
                self.requests.append(request)
        if status := self.before(request):
            return status, {"message": "told to fail before"}
        with self._lock:
            status, answer = self._route(method, path, query, body)
            self.enabled_at_once.append(sum(run["mode"] == "ENABLE" for run in self.runs.values()))
        if failed := self.after(request):
            return failed, {"message": "told to fail after"}
        return status, answer

    def _route(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        if path in _MODELS and method == "POST":
            return self._create(_MODELS[path], body)
        if path == "/apis/v2beta1/experiments":
            wanted = json.loads(query["filter"])["predicates"][0]["stringValue"]
            return 200, {"experiments": [e for e in self.experiments.values() if e["display_name"] == wanted]}
        if path == "/apis/v2beta1/recurringruns":
            return self._page(query)
        name, _, verb = path.rsplit("/", 1)[1].partition(":")
        if name not in self.runs:
            return 404, {"message": f"recurring run {name} not found"}
        if method == "DELETE":
            del self.runs[name]
        else:
            self.runs[name]["mode"] = {"enable": "ENABLE", "disable": "DISABLE"}[verb]
        return 200, {}

    def _create(self, model: str, body: bytes) -> tuple[int, Any]:
        given = json.loads(body)
        if fault := _fault(given, model):
            return 400, {"message": fault}
        self._number += 1
        made = {**given, "created_at": datetime(2026, 11, 28, tzinfo=UTC).isoformat()}  # seconds: several are equal
        # The later has the smaller id, so that the order of ids is not the order in which they were made.
        name = f"id-{1000 - self._number}"
        if model == "V2beta1Experiment":
            if any(e["display_name"] == given["display_name"] for e in self.experiments.values()):
                return 409, {"message": "there is one of that name"}
            self.experiments[name] = {**made, "experiment_id": name}
        else:
            self.runs[name] = {**made, "recurring_run_id": name, "status": "ENABLED"}
        return 200, made

    def _page(self, query: dict[str, str]) -> tuple[int, Any]:
        start = int(query.get("page_token") or 0)
        found = [run for run in self.runs.values() if run["experiment_id"] == query["experiment_id"]]
        end = start + min(self.page_size, int(query["page_size"]))
        answer: dict[str, Any] = {"recurringRuns": found[start:end], "total_size": len(found)}
        return 200, {**answer, "next_page_token": str(end)} if end < len(found) else answer


def _fault(given: dict[str, Any], model: str) -> str | None:
    """Say what the official client would not make of a body, or the server would not take."""
    if unknown := list(_unknown(given, model)):
        return f"unknown field {unknown[0]}"
    if written := _WRITTEN_BY_SERVER & given.keys():
        return f"{min(written)} is written by the server"
    api = kfp_server_api.ApiClient()
    read = api._ApiClient__deserialize(given, model)
    if api.sanitize_for_serialization(read) != given:
        return f"not what the client reads: {read}"
    return _incomplete(read) if model == "V2beta1RecurringRun" else None


def _incomplete(run: Any) -> str | None:
    if run.experiment_id is None or not (run.pipeline_spec and run.trigger):
        return "wants an experiment, a pipeline and a trigger"
    if len(run.trigger.cron_schedule.cron.split()) != 6:
        return "cron wants six fields, seconds first"
    if "schemaVersion" not in run.pipeline_spec.get("pipeline_spec", run.pipeline_spec):
        return "no pipeline spec"
    return None


def _unknown(given: dict[str, Any], model: str) -> Iterator[str]:
    types = getattr(kfp_server_api, model).openapi_types
    for name, value in given.items():
        if name not in types:
            yield f"{model}.{name}"
        elif isinstance(value, dict) and hasattr(kfp_server_api, types[name]):
            yield from _unknown(value, types[name])


@contextmanager
def serving() -> Iterator[Kubeflow]:
    """Serve on a free port of this machine."""
    kubeflow = Kubeflow()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, answer = kubeflow.answer(self.command, parts.path, query, body)
            kubeflow.tokens.append(self.headers.get("Authorization"))
            said = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", kubeflow.content_type)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 (the library's names)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    kubeflow.host = f"http://127.0.0.1:{server.server_port}"
    try:
        yield kubeflow
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def slowly(seconds: float) -> Fault:
    """Answer, but take time for it."""
    return lambda _: time.sleep(seconds)
