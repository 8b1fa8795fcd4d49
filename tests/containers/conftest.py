"""Images of all stages, built once for these tests and kept for the next time; `make test-containers` runs them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.core.home import Home
from pipelines.images.building import Ground, build
from pipelines.images.engine import Engine
from pipelines.images.pushing import push
from pipelines.images.records import IMAGES, Image
from tests.containers.engine import Podman
from tests.containers.registry import registry

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("DESTA_CONTAINERS") or ROOT / ".desta" / "containers")
PROGRAMS = ("podman", "runc", "mmdebstrap", "docker-registry", "dockerd", "docker")


@pytest.fixture(scope="session")
def podman() -> Podman:
    if missing := [program for program in PROGRAMS if not shutil.which(program)]:
        pytest.skip(f"NO IMAGE WAS BUILT OR RUN: {', '.join(missing)} not installed; see infra/README.md, Images")
    engine = Podman(FOLDER)
    engine.set_up()
    os.environ.update(engine.environment)
    return engine


@pytest.fixture(scope="session")
def ground(podman: Podman) -> Ground:
    """What BASE and BUILDER name; without a BASE, two Debians made here."""
    if base := os.environ.get("BASE"):
        return Ground(base=base, builder=os.environ.get("BUILDER") or base, device="cpu")
    base, builder = (
        podman.base("base", "python3", "libnuma1"),
        podman.base("builder", "python3", "python3-venv", "python3-pip"),
    )
    return Ground(base=base, builder=builder, device="cpu")


@pytest.fixture(scope="session")
def images(ground: Ground) -> dict[str, Image]:
    """The image of each stage; what did not change since the last time is kept."""
    return {stage: build(stage, ground, Engine("podman"), Home(FOLDER / "home"), ROOT)[0] for stage in IMAGES}


@pytest.fixture(scope="session")
def registered(images: dict[str, Image], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Image]]:
    """The images as they are known after a push: by their digests in a registry, which serves them meanwhile."""
    folder = FOLDER / "registry"
    folder.mkdir(exist_ok=True)
    with registry(folder) as address, pytest.MonkeyPatch.context() as environment:
        settings = tmp_path_factory.mktemp("registries") / "registries.conf"
        settings.write_text(f'[[registry]]\nlocation = "{address}"\ninsecure = true\n')
        environment.setenv("CONTAINERS_REGISTRIES_CONF", str(settings))
        yield {stage: push(stage, f"{address}/team", Engine("podman"), Home(FOLDER / "home")) for stage in images}
