"""The program that builds, runs and pushes images: podman or docker, as this machine has it set up."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.publishing import no_room

ENGINES = ("podman", "docker")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_NO_SPACE = "no space left on device"


@dataclass(frozen=True)
class Engine:
    """One of the two; both are told the same words."""

    name: str

    def build(self, context: Path, containerfile: Path, tag: str, arguments: Mapping[str, str]) -> None:
        """Build an image.

        Raises:
            SourceError: the build failed; with the last lines that it printed.
        """
        told = {**arguments, **_package_sources()}
        words = [word for name, value in told.items() for word in ("--build-arg", f"{name}={value}")]
        volumes = [word for folder in self._folders() for word in ("--volume", f"{folder}:{folder}:ro")]
        self._call(f"{tag}: build", "build", "--file", str(containerfile), "--tag", tag, *words, *volumes, str(context))

    def inspect(self, reference: str) -> dict[str, Any] | None:
        """Return what the engine knows of an image that is on this machine."""
        done = subprocess.run(
            [self.name, "image", "inspect", reference], capture_output=True, text=True, check=False, env=_environment()
        )
        found: list[dict[str, Any]] = json.loads(done.stdout or "[]") if done.returncode == 0 else []
        return found[0] if found else None

    def python(self, reference: str, program: str) -> str:
        """Return what a Python program prints in an image: no network, nothing that it could write to.

        Raises:
            SourceError: it failed.
        """
        words = ["run", "--rm", "--network=none", "--read-only", "--entrypoint=python", reference, "-c", program]
        return self._call(f"{reference}: look inside", *words)

    def push(self, reference: str, place: str) -> str:
        """Push an image to PLACE:TAG and return the digest that the registry has it by.

        Raises:
            SourceError: the registry did not take it.
        """
        self._call(f"{place}: tag", "tag", reference, place)
        if self.name == "podman":
            with tempfile.NamedTemporaryFile() as answer:
                self._call(f"{place}: push", "push", "--digestfile", answer.name, place)
                return Path(answer.name).read_text().strip()
        self._call(f"{place}: push", "push", place)
        repository = place.rpartition(":")[0]
        pushed = (self.inspect(place) or {}).get("RepoDigests", [])
        return next(str(digest).partition("@")[2] for digest in pushed if digest.startswith(f"{repository}@"))

    def _call(self, what: str, *words: str) -> str:
        done = subprocess.run(
            [self.name, *words],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=_environment(),
        )
        if done.returncode == 0:
            return done.stdout
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        if any(_NO_SPACE in line for line in said):
            raise no_room(what, Path("/"), f"{self.name} has no space left for images")
        raise SourceError(f"{what}: {self.name} ended with {done.returncode}: {' | '.join(said[-4:]) or 'no word'}")

    def _folders(self) -> list[str]:
        """Return what a build has to see of this machine; docker's builds have no volumes."""
        if self.name == "docker":
            return []
        return [str(path) for path in (_CERTIFICATES, *_wheel_folders()) if path.exists()]


def find_engine(wanted: str | None) -> Engine:
    """Return the engine that was asked for, or the first that is installed.

    Raises:
        ConfigurationError: it is not installed.
    """
    names = [wanted] if wanted else ENGINES
    found = next((name for name in names if shutil.which(name)), None)
    if not found:
        raise ConfigurationError(
            f"desta images: {' or '.join(names)} is not installed; images are built with one of them"
        )
    return Engine(found)


def _wheel_folders() -> Sequence[Path]:
    return [Path(place) for place in os.environ.get("PIP_FIND_LINKS", "").split()]


def _package_sources() -> dict[str, str]:
    """Return where the packages come from, as this machine's own installations are told."""
    named = {name: os.environ.get(name, "") for name in ("UV_DEFAULT_INDEX", "PIP_INDEX_URL")}
    wheels = {"UV_FIND_LINKS": ",".join(map(str, _wheel_folders()))}
    return {name: value for name, value in {**named, **wheels}.items() if value}


def _environment() -> dict[str, str]:
    return {**os.environ, "DOCKER_BUILDKIT": "1"}
