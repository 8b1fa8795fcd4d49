"""The overlays as a cluster would get them: rendered in a copy whose images have digests that the tests make up."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from infra.kubernetes import pin

FOLDER = Path(pin.__file__).parent
OVERLAYS = ("laptop", "onprem", "cloud")
KUBECTL = Path(sys.executable).with_name("kubectl")

Manifest = dict[str, Any]


def pinned_copy(to: Path) -> Path:
    """Copy the manifests and pin every image they name."""
    copy = unpinned_copy(to)
    pins = [f"{name}=place.test/{name}@{made_up(name)}" for name in pin.image_names(copy)]
    pin.pin(copy, pins)
    return copy


def unpinned_copy(to: Path) -> Path:
    """Copy what the repository holds, without the pins of this machine."""
    return shutil.copytree(FOLDER, to, ignore=shutil.ignore_patterns("images", "__pycache__"))


def made_up(name: str) -> str:
    """Return a digest for an image that nobody has built."""
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def kustomize(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Let kubectl render a folder, as `kubectl apply -k` would."""
    return subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)


def render(folder: Path) -> list[Manifest]:
    """Render a folder that has to render."""
    done = kustomize(folder)
    assert done.returncode == 0, done.stderr
    return list(yaml.load_all(done.stdout, yaml.CSafeLoader))


def of_kind(manifests: list[Manifest], *kinds: str) -> Iterator[Manifest]:
    """Yield the manifests of some kinds."""
    return (manifest for manifest in manifests if manifest["kind"] in kinds)


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """Return the one of a kind with a name."""
    (found,) = (manifest for manifest in of_kind(manifests, kind) if manifest["metadata"]["name"] == name)
    return found
