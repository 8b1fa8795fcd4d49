"""Images of all stages, built once for these tests and kept for the next time; `make test-containers` runs them."""

import os
import shutil
from pathlib import Path

import pytest

from components.core.home import Home
from pipelines.images.building import Ground, build
from pipelines.images.engine import Engine
from pipelines.images.records import IMAGES, Image
from tests.containers.engine import Podman

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("DESTA_CONTAINERS") or ROOT / ".desta" / "containers")


@pytest.fixture(scope="session")
def podman() -> Podman:
    missing = [program for program in ("podman", "runc", "mmdebstrap", "docker-registry") if not shutil.which(program)]
    # Not skipped: who asks for these tests wants to know.
    assert not missing, f"not installed: {', '.join(missing)}; see infra/README.md, Images"
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
