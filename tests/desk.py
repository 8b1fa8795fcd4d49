"""A small HTTP server that answers as a test says, and has whatever trouble it gives it."""

import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[dict[str, Any]], Any]
"""Answers a question."""
Trouble = Callable[["Handler"], None]


class Desk(ThreadingHTTPServer):
    """The server; `answer` is for questions at `path`, and each of the `troubles` comes in the place of one answer.

    `answers` are those at all other paths. `asked` are the questions that came, and `keys` what they came with.
    While it is `down` it cuts every connection.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: str, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.path, self.answer = path, answer
        self.answers: dict[str, Any] = {}
        self.troubles: deque[Trouble] = deque()
        self.asked: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()
        self.closing = threading.Event()
        self.down = False
        self.before_answer: Callable[[], object] = lambda: None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing where a client hung up: it may."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Desk

    def do_GET(self) -> None:
        if self._cut():
            return
        self.server.keys.add(self.headers["Authorization"])
        known = self.path in self.server.answers
        self.tell(200 if known else 404, self.server.answers.get(self.path, {}))

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self._cut():
            return
        if self.path != self.server.path or "prompt_logprobs" in question:
            self.tell(200, self.server.answers[self.path])
            return
        self.server.keys.add(self.headers["Authorization"])
        self.server.asked.append(question)
        if self.server.troubles:
            self.server.troubles.popleft()(self)
            return
        self.server.before_answer()
        if self._cut():
            return
        self.tell(200, self.server.answer(question))

    def _cut(self) -> bool:
        self.close_connection |= self.server.down
        return self.server.down

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


def busy(handler: Handler) -> None:
    handler.tell(503, {"error": "busy"})


def overrun(handler: Handler) -> None:
    handler.tell(429, {"error": "too many"}, Retry_After="1")


def garbage(handler: Handler) -> None:
    handler.send(200, b"<html>\xff</html>")


def half(handler: Handler) -> None:
    handler.send(200, b'{"choices": [', length=1000)
    handler.close_connection = True


def hang_up(handler: Handler) -> None:
    handler.close_connection = True


def silence(handler: Handler) -> None:
    handler.server.closing.wait(60)


def refuse(handler: Handler) -> None:
    handler.tell(400, {"error": {"message": "no\nsuch thing"}})


def unknown(handler: Handler) -> None:
    handler.tell(401, {"error": "Unauthorized"})


@contextmanager
def opened(path: str, answer: Answer) -> Iterator[Desk]:
    """Let a server run."""
    desk = Desk(path, answer)
    thread = threading.Thread(target=desk.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield desk
    finally:
        desk.closing.set()
        desk.shutdown()
        thread.join()
        desk.server_close()
