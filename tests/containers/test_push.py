"""Pushing to a registry that is really there, and what a cluster makes of it."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from components.core.home import Home
from infra.kubernetes.pin import image_names, pin, pins_in
from pipelines.images.pushing import pin_of
from pipelines.images.records import Image, read_images
from tests.containers.conftest import FOLDER, ROOT
from tests.infra.kubernetes.rendering import made_up, render, unpinned_copy

pytestmark = pytest.mark.containers
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
"""Without it a registry says that there is no such manifest, where it has one of this kind."""


def test_the_digest_is_the_one_that_the_registry_has(registered: dict[str, Image]) -> None:
    for stage, image in registered.items():
        place, _, digest = str(image.pushed).partition("@")
        address, _, repository = place.partition("/")
        asked = urllib.request.Request(
            f"http://{address}/v2/{repository}/manifests/{digest}", headers={"Accept": MANIFEST}
        )
        with urllib.request.urlopen(asked) as answer:  # noqa: S310 (http, to a registry of the tests)
            manifest = json.load(answer)
        assert repository == f"team/{image.name}"
        assert manifest["config"]["digest"] == f"sha256:{image.image_id}"
        assert read_images(Home(FOLDER / "home"))[stage] == image


def test_the_manifests_of_a_cluster_run_what_was_pushed(registered: dict[str, Image], tmp_path: Path) -> None:
    folder, printed = unpinned_copy(tmp_path / "manifests"), tmp_path / "pins.txt"
    printed.write_text("".join(f"{pin_of(image)}\n" for image in registered.values()))
    pushed = {image.name: image.pushed for image in registered.values()}
    others = [f"{name}=place.test/{name}@{made_up(name)}" for name in image_names(folder) - pushed.keys()]
    pin(folder, [*pins_in(printed, folder), *others])
    text = json.dumps(render(folder / "overlays" / "laptop"))
    for name in image_names(folder) & pushed.keys():
        assert f'"image": "{pushed[name]}"' in text


def test_the_command_compiles_for_a_cluster_what_was_pushed(registered: dict[str, Image], tmp_path: Path) -> None:
    file, cluster = tmp_path / "graph.yaml", ROOT / "infra" / "clusters" / "laptop.yaml"
    words = [sys.executable, "-m", "pipelines", "compile", str(file), "--cluster", str(cluster), "--images"]
    subprocess.run(words, cwd=ROOT, env={**os.environ, "DESTA_HOME": str(FOLDER / "home")}, check=True)
    for stage, image in registered.items():
        assert (f"image: {image.pushed}" in file.read_text()) == (stage != "serve_model")
