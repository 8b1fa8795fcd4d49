"""Fixtures that many tests share, and how the tests are shared out over the cores."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from components.core.home import Home
from components.core.models.store import ENCODER, LLM, StoredModel, resolve_model
from tests.desta_command import Desta

REPOSITORY = Path(__file__).resolve().parents[1]
MODELS = Path(os.environ.get("DESTA_MODELS") or REPOSITORY / ".desta" / "models")
SMOKE_RUN = ("test_end_to_end.py", "test_notebooks.py", "test_audit_in_a_browser.py", "test_real_run.py")
"""Files whose tests look at the one finished run: see `undisturbed`."""
LONGEST = ("smoke run", "train_model", "self_generate")
"""Groups that begin first, so that no core waits for them at the end."""


def pytest_configure(config: pytest.Config) -> None:
    """Hear Ctrl-C, and let the processes of the tests hear it: a shell makes what it starts in the background deaf."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A machine that does other work is slow, and no example is wrong for that; the same examples every time.
    settings.register_profile("desta", deadline=None, derandomize=True)
    settings.load_profile("desta")
    if workers := getattr(config, "workerinput", {}).get("workercount"):
        # Each worker has its share of the cores: threads that wait for one another on a taken core cost more than help.
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, len(os.sched_getaffinity(0)) // workers)))


class ByFolder(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Gives the tests of a group, as a rule a folder, to one worker, since they share engines and results."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(Path(nodeid.partition("::")[0]))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFolder:
    """Share the tests out by folder."""
    return ByFolder(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest."""
    items.sort(key=lambda item: LONGEST.index(_group(item.path)) if _group(item.path) in LONGEST else len(LONGEST))


def _group(path: Path) -> str:
    return "smoke run" if path.name in SMOKE_RUN else path.parent.name


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


@pytest.fixture(scope="session")
def desta(encoder: StoredModel, llm: StoredModel) -> Iterator[Callable[[], Desta]]:
    """Make homes with short names, since sockets have to fit under them."""
    del encoder, llm
    with tempfile.TemporaryDirectory(prefix="desta-") as root:
        yield lambda: Desta(Home(Path(tempfile.mkdtemp(dir=root))), MODELS)


@pytest.fixture(scope="session")
def undisturbed(desta: Callable[[], Desta]) -> tuple[Desta, Any]:
    """A home with a run of the profile `smoke`, and how it ended. It takes minutes: see `SMOKE_RUN`."""
    command = desta()
    return command, command.run()
