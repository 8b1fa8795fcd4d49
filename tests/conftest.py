"""Fixtures that many tests share: the embedded models, converted once, and a fresh home for each test."""

import os
import signal
from pathlib import Path

import pytest

from components.core.home import Home
from components.core.models.store import ENCODER, LLM, StoredModel, resolve_model

REPOSITORY = Path(__file__).resolve().parents[1]
MODELS = Path(os.environ.get("DESTA_MODELS") or REPOSITORY / ".desta" / "models")


def pytest_configure() -> None:
    """Hear Ctrl-C, and let the processes of the tests hear it: a shell makes what it starts in the background deaf."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def llm() -> StoredModel:
    """The embedded backbone."""
    return resolve_model(LLM, MODELS)


@pytest.fixture(scope="session")
def encoder() -> StoredModel:
    """The embedded audio encoder."""
    return resolve_model(ENCODER, MODELS)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home of its own for one test; the models are shared."""
    monkeypatch.setenv("DESTA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DESTA_MODELS", str(MODELS))
    monkeypatch.delenv("DESTA_RUN_DIR", raising=False)
    return Home(tmp_path / "home")
