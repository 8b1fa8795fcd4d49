"""A small HTTP server that answers as vLLM does, and has whatever trouble a test gives it."""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from components.core.models.store import StoredModel
from components.self_generate.probe import Probe
from components.self_generate.server_identity import served_name

FINGERPRINT = "vllm-0.32.0-0a1b2c3d"

Trouble = Callable[["_Handler"], None]


class Desk(ThreadingHTTPServer):
    """The server; `answers` are by path, `troubles` come before the answers to questions, one each."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Any] = {"/version": {"version": "0.32.0"}}
        self.troubles: deque[Trouble] = deque()
        self.asked: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()
        self.closing = threading.Event()
        self.before_answer: Callable[[], object] = lambda: None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Desk

    def do_GET(self) -> None:
        self.server.keys.add(self.headers["Authorization"])
        known = self.path in self.server.answers
        self.tell(200 if known else 404, self.server.answers.get(self.path, {}))

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/completions" or "prompt_logprobs" in question:
            self.tell(200, self.server.answers[self.path])
            return
        self.server.keys.add(self.headers["Authorization"])
        self.server.asked.append(question)
        if self.server.troubles:
            self.server.troubles.popleft()(self)
            return
        self.server.before_answer()
        self.tell(200, completion(question))

    def tell(self, status: int, value: Any, **headers: str) -> None:
        self.send(status, json.dumps(value).encode(), headers)

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None, length: int | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length or len(body)), **(headers or {})}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def completion(question: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What vLLM answers, in two tokens and an end mark; the words are the seed."""
    choice = {
        "text": f"seed {question['seed']}",
        "finish_reason": "stop",
        "logprobs": {"token_logprobs": [-1.0, -0.5, -0.25]},
    }
    return {"choices": [{**choice, **changes}], "system_fingerprint": FINGERPRINT}


def busy(handler: _Handler) -> None:
    handler.tell(503, {"error": "busy"})


def overrun(handler: _Handler) -> None:
    handler.tell(429, {"error": "too many"}, Retry_After="1")


def garbage(handler: _Handler) -> None:
    handler.send(200, b"<html>\xff</html>")


def without_likelihoods(handler: _Handler) -> None:
    handler.tell(200, completion({"seed": 0}, logprobs=None))


def half(handler: _Handler) -> None:
    handler.send(200, b'{"choices": [', length=1000)
    handler.close_connection = True


def hang_up(handler: _Handler) -> None:
    handler.close_connection = True


def silence(handler: _Handler) -> None:
    handler.server.closing.wait(60)


def refuse(handler: _Handler) -> None:
    handler.tell(400, {"error": {"message": "no\nsuch thing"}})


def unknown(handler: _Handler) -> None:
    handler.tell(401, {"error": "Unauthorized"})


@contextmanager
def opened() -> Iterator[Desk]:
    """Let a server run."""
    desk = Desk()
    thread = threading.Thread(target=desk.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield desk
    finally:
        desk.closing.set()
        desk.shutdown()
        thread.join()
        desk.server_close()


def stand_for(desk: Desk, model: StoredModel, probe: Probe, dtype: str = "float32") -> None:
    """Let the server say that it serves a stored model, and read the probe as that does."""
    likely: list[Any] = [{str(token): {"logprob": logprob}} for token, logprob in _pairs(probe)]
    desk.answers["/v1/models"] = {"data": [{"id": served_name(model, dtype), "max_model_len": 1024}]}
    desk.answers["/tokenize"] = {"tokens": list(probe.tokens)}
    desk.answers["/v1/completions"] = {
        "choices": [{"prompt_logprobs": [None, *likely]}],
        "system_fingerprint": FINGERPRINT,
    }


def _pairs(probe: Probe) -> Iterator[tuple[int, float]]:
    return zip(probe.tokens[1:], probe.logprobs, strict=True)
