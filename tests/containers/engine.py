"""Podman as a machine without a registry can have it: a store of its own, and bases from the Debian mirror."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SUITE = "bookworm"  # its python3 is the 3.11 of the locks
# Inside a container that may not raise limits, with cgroups of both versions: podman's own defaults fail there.
_ENGINE = """[containers]
default_ulimits = ["nofile=8192:8192", "nproc=8192:8192"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""


@dataclass(frozen=True)
class Podman:
    """Podman with its images below one folder."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What tells podman, and `desta images`, where that is."""
        files = {"CONTAINERS_CONF": "containers.conf", "CONTAINERS_STORAGE_CONF": "storage.conf"}
        return {name: str(self.folder / file) for name, file in files.items()}

    def set_up(self) -> None:
        """Write the settings; nothing outside the folder changes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "containers.conf").write_text(_ENGINE)
        storage = f'[storage]\ndriver = "overlay"\ngraphroot = "{self.folder}/root"\nrunroot = "{self.folder}/run"\n'
        (self.folder / "storage.conf").write_text(storage)

    def base(self, name: str, *packages: str) -> str:
        """Return NAME@DIGEST of a Debian with these packages, made where it is not there yet."""
        reference, archive = f"localhost/desta/{name}:{_SUITE}", self.folder / f"{name}.tar"
        if self.call("image", "exists", reference).returncode:
            included = ",".join(("ca-certificates", *packages))
            subprocess.run(["mmdebstrap", "--variant=minbase", f"--include={included}", _SUITE, archive], check=True)
            made = self.call("import", "--change", f"ENV {_PATH}", str(archive), reference)
            assert made.returncode == 0, made.stderr
            archive.unlink()
        (found,) = json.loads(self.call("image", "inspect", reference).stdout)
        return f"localhost/desta/{name}@{found['Digest']}"

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run podman."""
        environment = {**os.environ, **self.environment}
        return subprocess.run(["podman", *words], env=environment, capture_output=True, text=True, check=False)

    def run(self, image: str, *words: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Run an image as a cluster would: no network, a root that nobody can write to, limits."""
        limits = ("--memory=10g", "--pids-limit=1000", "--shm-size=1g")
        shut = ("--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
        return self.call("run", "--rm", *shut, *limits, "--tmpfs=/tmp:rw,mode=1777,size=2g", *options, image, *words)
