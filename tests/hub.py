"""A hub on this machine: the answers that its client asks for, for one repository and one revision."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

REVISION = "0123456789abcdef0123456789abcdef01234567"


class _Hub(BaseHTTPRequestHandler):
    files: dict[str, bytes]
    kind: str

    def do_GET(self) -> None:
        name = self.path.partition(f"/org/name/resolve/{REVISION}/")[2]
        if self.path.startswith(f"/api/{self.kind}/org/name/revision/main"):
            self._answer(json.dumps({"id": "org/name", "sha": REVISION, "siblings": []}).encode())
        elif self.path.startswith(f"/api/{self.kind}/org/name/tree/{REVISION}"):
            self._answer(json.dumps([self._entry(name) for name in self.files]).encode())
        elif name in self.files:
            self._answer(self.files[name])
        else:
            self.send_error(404)

    do_HEAD = do_GET  # noqa: N815 (the server looks for this name)

    def _entry(self, name: str) -> dict[str, object]:
        return {"type": "file", "path": name, "size": len(self.files[name]), "oid": "0" * 40}

    def _answer(self, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def serving(kind: str, files: dict[str, bytes]) -> Iterator[str]:
    """Serve `org/name@main` of a kind (`models`, `datasets`) and yield the hub's address."""
    handler = type("Hub", (_Hub,), {"kind": kind, "files": files})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
