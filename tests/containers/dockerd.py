"""A docker of these tests alone: its images below one folder, no network, and no rule in the machine's firewall."""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def docker(images: Path) -> Iterator[str]:
    """Yield the address at which a client finds it."""
    # Not below `images`: the path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="desta-docker-") as folder:
        socket = Path(folder) / "docker.sock"
        settings = Path(folder) / "daemon.json"
        settings.write_text(json.dumps(_settings(images, Path(folder), socket)))
        with (images.parent / "dockerd.log").open("wb") as log:
            process = subprocess.Popen(["dockerd", "--config-file", settings], stdout=log, stderr=log)
        try:
            _wait_for(socket, process)
            yield f"unix://{socket}"
        finally:
            process.terminate()
            process.wait()


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


def _wait_for(socket: Path, process: "subprocess.Popen[bytes]") -> None:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s and process.poll() is None:
        asked = ["docker", "--host", f"unix://{socket}", "info"]
        if subprocess.run(asked, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.5)
    raise RuntimeError("dockerd did not come up; dockerd.log beside its images says why")
