"""Pushing to a registry that is really there."""

import json
import urllib.request
from pathlib import Path

import pytest

from components.core.home import Home
from pipelines.images.engine import Engine
from pipelines.images.pushing import pin_of, push
from pipelines.images.records import Image, read_images, write_image
from tests.containers.registry import registry

pytestmark = pytest.mark.containers


def test_the_digest_is_the_one_that_the_registry_has(
    images: dict[str, Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, home = images["ingest_audio"], Home(tmp_path / "home")
    write_image(image, home)
    with registry(tmp_path) as address:
        settings = tmp_path / "registries.conf"
        settings.write_text(f'[[registry]]\nlocation = "{address}"\ninsecure = true\n')
        monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(settings))
        pushed = push("ingest_audio", f"{address}/team", Engine("podman"), home)
        place, _, digest = str(pushed.pushed).partition("@")
        repository = place.removeprefix(f"{address}/")
        with urllib.request.urlopen(f"http://{address}/v2/{repository}/manifests/{digest}") as answer:
            manifest = json.load(answer)
    assert place == f"{address}/team/{image.name}"
    assert manifest["config"]["digest"] == f"sha256:{image.image_id}"
    assert read_images(home)["ingest_audio"] == pushed
    assert pin_of(pushed) == f"{image.name}={place}@{digest}"
