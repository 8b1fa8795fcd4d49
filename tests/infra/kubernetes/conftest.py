"""The rendered overlays, once for all tests of this folder."""

from pathlib import Path

import pytest

from tests.infra.kubernetes.rendering import OVERLAYS, Manifest, pinned_copy, render


@pytest.fixture(scope="session")
def pinned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifests with every image pinned."""
    return pinned_copy(tmp_path_factory.mktemp("kubernetes") / "manifests")


@pytest.fixture(scope="session")
def overlays(pinned: Path) -> dict[str, list[Manifest]]:
    """What each overlay renders to, with it the pod that brings models, and the roles of the doctor."""
    beside = [thing for part in ("model-loader", "doctor") for thing in render(pinned / "parts" / part)]
    return {name: [*render(pinned / "overlays" / name), *beside] for name in OVERLAYS}


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest, overlays: dict[str, list[Manifest]]) -> list[Manifest]:
    """What an overlay renders to."""
    return overlays[request.param]
