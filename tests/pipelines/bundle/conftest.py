"""Homes with a store of small models of their own, and one bundle that is made once and copied for each test."""

import shutil
from pathlib import Path

import pytest

from components.core.home import Home
from pipelines.bundle.sealing import FOLDER
from tests.pipelines.bundle.making import make_bundle


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a run, its bundle, and its entries in the journal."""
    home = Home(tmp_path_factory.mktemp("sealed") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESTA_MODELS", str(home.root / "models"))
        patch.delenv("DESTA_SIGNING_KEY", raising=False)
        make_bundle(home)
    return home


@pytest.fixture
def home(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The models of these tests are small, and no key comes from outside."""
    monkeypatch.setenv("DESTA_MODELS", str(home.root / "models"))
    monkeypatch.delenv("DESTA_SIGNING_KEY", raising=False)
    return home


@pytest.fixture
def bundle(sealed: Home, home: Home) -> Path:
    """The bundle of a run of this home."""
    shutil.copytree(sealed.root, home.root)
    return home.runs / "r1" / FOLDER


@pytest.fixture
def handed_over(bundle: Path, tmp_path: Path) -> Path:
    """A copy of the bundle somewhere else."""
    return Path(shutil.copytree(bundle, tmp_path / "handed over"))
