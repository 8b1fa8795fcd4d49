"""The journal tells of every move of the alias once, also of one whose process was killed after it."""

import shutil
from pathlib import Path

import pytest

from components.core.contracts.errors import ContractError
from components.core.home import Home
from components.core.registry import CHAMPION, MODEL_NAME, Decider, Registry
from pipelines.champion import promote, rollback
from pipelines.champion_changes import changing_champion
from pipelines.journal import Event, journal_file, read_journal


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database with two versions of a model, which takes seconds to make."""
    root = tmp_path_factory.mktemp("registered")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        for number in ("1", "2"):
            Registry(Home(root)).add(f"{root}/{number}", "", {})
    return root / "mlflow.db"


@pytest.fixture
def registered(database: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with both versions and no champion yet."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    home.root.mkdir()
    shutil.copy(database, home.root)
    return home


def told(home: Home) -> list[tuple[str, str | None, str]]:
    facts = [entry.facts for entry in read_journal(home) if entry.event is Event.CHAMPION_CHANGED]
    return [(each["version"], each["previous"], each["reason"]) for each in facts]


def test_moves_by_hand_are_told_with_their_reason(registered: Home) -> None:
    promote("1", "the first", registered)
    promote("2", "hears better", registered)
    promote("2", "the same again", registered)
    rollback("takes rain for applause", registered)
    moves = [("1", None, "the first"), ("2", "1", "hears better"), ("1", "2", "takes rain for applause")]
    assert told(registered) == moves
    last = read_journal(registered)[-1].facts
    assert (last["model"], last["by"], last["rollback"]) == (MODEL_NAME, "hand", True)


def test_a_move_whose_process_was_killed_is_told_by_the_next(registered: Home) -> None:
    promote("1", "the first", registered)
    Registry(registered).move("2", "and then the power went", Decider.POLICY, run_id="r9")
    assert told(registered) == [("1", None, "the first")]
    for _ in range(2):
        with changing_champion(registered):
            assert told(registered) == [("1", None, "the first"), ("2", "1", "and then the power went")]


def test_what_was_recorded_and_never_moved_is_not_told(registered: Home) -> None:
    promote("1", "the first", registered)
    registry = Registry(registered)
    registry.move("2", "killed before the alias moved", Decider.HAND)
    registry._client.set_registered_model_alias(MODEL_NAME, CHAMPION, "1")
    with changing_champion(registered):
        pass
    assert told(registered) == [("1", None, "the first")]
    promote("2", "now", registered)
    assert told(registered) == [("1", None, "the first"), ("2", "1", "now")]


def test_a_damaged_journal_lets_nobody_move_the_alias(registered: Home) -> None:
    promote("1", "the first", registered)
    file = journal_file(registered)
    file.write_bytes(file.read_bytes().replace(b"the first", b"the worst"))
    with pytest.raises(ContractError, match="is not what was written"):
        promote("2", "unseen", registered)
    assert Registry(registered).champion == "1"
