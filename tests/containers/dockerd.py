"""A docker of these tests alone: its images below one folder, no network, and no rule in the machine's firewall."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.containers.servers import serving


@contextmanager
def docker(images: Path) -> Iterator[str]:
    """Yield the address at which a client finds it."""
    # Not below `images`: the path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="desta-docker-") as folder:
        socket = Path(folder) / "docker.sock"
        settings = Path(folder) / "daemon.json"
        settings.write_text(json.dumps(_settings(images, Path(folder), socket)))
        command: list[str | Path] = ["dockerd", "--config-file", settings]
        with serving(command, images.parent / "dockerd.log", lambda: _answers(socket), within_s=60):
            yield f"unix://{socket}"


def _settings(images: Path, folder: Path, socket: Path) -> dict[str, object]:
    return {
        "data-root": str(images),
        "exec-root": str(folder / "exec"),
        "pidfile": str(folder / "dockerd.pid"),
        "hosts": [f"unix://{socket}"],
        "storage-driver": "overlay2",
        "bridge": "none",
        "iptables": False,
        # A container of ours may neither lower the one nor raise the other.
        "oom-score-adjust": 0,
        "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 8192, "Hard": 8192}},
    }


def _answers(socket: Path) -> bool:
    asked = ["docker", "--host", f"unix://{socket}", "info"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0
