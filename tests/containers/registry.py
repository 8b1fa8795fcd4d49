"""A registry on this machine alone: Debian's `docker-registry` on a port that is free."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.containers.servers import serving

_SETTINGS = """version: 0.1
storage:
  filesystem:
    rootdirectory: {folder}
http:
  addr: 127.0.0.1:{port}
"""


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Yield the address of a registry that keeps its images in a folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = folder / "registry.yaml"
    settings.write_text(_SETTINGS.format(folder=folder, port=port))
    with serving(["docker-registry", "serve", settings], folder / "registry.log", lambda: _answers(port), within_s=30):
        yield f"127.0.0.1:{port}"


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
