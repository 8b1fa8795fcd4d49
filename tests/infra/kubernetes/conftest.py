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
    """What each overlay renders to, the pod that brings models with it."""
    loader = render(pinned / "parts" / "model-loader")
    return {name: [*render(pinned / "overlays" / name), *loader] for name in OVERLAYS}


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest, overlays: dict[str, list[Manifest]]) -> list[Manifest]:
    """What an overlay renders to."""
    return overlays[request.param]
