"""The alias `champion` moves with a record in MLflow's own database, and only then."""

import shutil
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from components.core.contracts.errors import ConfigurationError, ContractError, DestaError, SourceError
from components.core.home import Home
from components.core.registry import (
    CHAMPION,
    MODEL_NAME,
    REASON_LENGTH,
    Change,
    Decider,
    Registry,
    checked_reason,
    earlier_champion,
    explaining,
    open_registry,
    version_named,
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database with three versions, none of them champion."""
    home = Home(tmp_path_factory.mktemp("registry"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        for number in "123":
            Registry(home).add("file:///nowhere", "0" * 32, {"desta.digest": number * 64})
    return home.root / "mlflow.db"


@pytest.fixture
def registry(database: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    home.root.mkdir()
    shutil.copy(database, home.root)
    return open_registry(home)


def _client(home: Home) -> MlflowClient:
    return MlflowClient(home.tracking_uri, home.tracking_uri)


def test_a_version_is_found_by_the_weights_that_it_holds(registry: Registry) -> None:
    found = registry.version_of("2" * 64)
    assert found is not None
    assert str(found.version) == "2"
    assert registry.version_of("9" * 64) is None


def test_every_change_of_the_alias_is_kept_with_who_and_why(registry: Registry) -> None:
    assert (registry.champion, registry.history) == (None, ())
    registry.move("1", "the first", Decider.POLICY, run_id="r1")
    registry.move("3", "sounds better", Decider.HAND)
    assert registry.champion == "3"
    first, second = registry.history
    assert first == Change(version="1", previous=None, reason="the first", by=Decider.POLICY, at=first.at, run_id="r1")
    assert second == Change(version="3", previous="1", reason="sounds better", by=Decider.HAND, at=second.at)
    assert second.at.endswith("+00:00")


def test_the_history_is_in_mlflow_and_nowhere_else(registry: Registry, home: Home) -> None:
    registry.move("1", "because", Decider.HAND)
    model = _client(home).get_registered_model(MODEL_NAME)
    assert {name: str(version) for name, version in model.aliases.items()} == {CHAMPION: "1"}
    assert Change.model_validate_json(model.tags["desta.champion.0001"], strict=False) == registry.history[0]
    assert {path.name for path in home.root.iterdir()} == {"mlflow.db"}


def test_more_than_ten_changes_stay_in_their_order(registry: Registry) -> None:
    for number in range(12):
        registry.move("12"[number % 2], f"turn {number}", Decider.HAND)
    assert [change.reason for change in registry.history] == [f"turn {number}" for number in range(12)]


@pytest.mark.parametrize("number", ["9", "999999999"])
def test_a_version_that_is_not_there_is_one_line_and_moves_nothing(registry: Registry, number: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"desta-adapter: no version {number} in the registry"):
        registry.move(number, "why not", Decider.HAND)
    assert (registry.champion, registry.history) == (None, ())


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("", "is empty"),
        (" \t\n ", "is empty"),
        ("x" * 10_000, f"has 10000 characters, want {REASON_LENGTH} at the most"),
        ("one line\nand another", "a line break or a control character"),
        ("\x1b[2Jgone", "a line break or a control character"),
        ("half a \udc80 character", "a line break or a control character"),
    ],
)
def test_a_reason_is_one_line_of_text(registry: Registry, reason: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        registry.move("1", reason, Decider.HAND)
    assert (registry.champion, registry.history) == (None, ())


@pytest.mark.parametrize("reason", ['"\\' * (REASON_LENGTH // 2), "𝄞" * REASON_LENGTH, "' OR 1=1; --"])
def test_the_longest_reason_fits_and_comes_back_as_it_was(registry: Registry, home: Home, reason: str) -> None:
    registry.move("1", reason, Decider.HAND)
    assert registry.history[0].reason == checked_reason(f"  {reason} ") == reason
    # PostgreSQL refuses what SQLite takes.
    assert len(_client(home).get_registered_model(MODEL_NAME).tags["desta.champion.0001"]) < 5000


def test_a_rollback_goes_back_one_champion_at_a_time(registry: Registry) -> None:
    for number in "123":
        registry.move(number, "better", Decider.POLICY)
    assert registry.rollback("worse").version == "2"
    assert registry.rollback("worse still").version == "1"
    with pytest.raises(ConfigurationError, match=r"no champion before version 1 in the history"):
        registry.rollback("even this")
    assert registry.champion == "1"
    assert [(change.version, change.rollback) for change in registry.history[3:]] == [("2", True), ("1", True)]


def test_without_a_champion_there_is_nothing_to_go_back_to(registry: Registry) -> None:
    with pytest.raises(ConfigurationError, match=r"no champion before any in the history"):
        registry.rollback("why not")


def _changes(*steps: tuple[str | None, str, bool]) -> tuple[Change, ...]:
    return tuple(
        Change(version=version, previous=previous, reason="r", by=Decider.HAND, rollback=back, at="t")
        for previous, version, back in steps
    )


@pytest.mark.parametrize(
    ("history", "present", "wanted"),
    [
        ((), None, None),
        ((), "5", None),
        ([(None, "1", False)], "1", None),
        ([(None, "1", False), ("1", "2", False), ("2", "1", False)], "1", "2"),
        ([(None, "1", False), ("1", "2", False), ("2", "1", True), ("1", "3", False)], "3", "1"),
        # killed before the alias moved: the last change, one in the middle, and a rollback
        ([(None, "1", False), ("1", "2", False)], "1", None),
        ([(None, "1", False), ("1", "2", False), ("1", "3", False)], "3", "1"),
        ([(None, "1", False), ("1", "2", False), ("2", "1", True)], "2", "1"),
        # moved by somebody in MLflow's own page
        ([(None, "1", False), ("1", "2", False)], "5", None),
        ([(None, "1", False), ("5", "6", False)], "6", "5"),
    ],
)
def test_who_was_champion_before_follows_from_the_changes_that_happened(
    history: list[tuple[str | None, str, bool]], present: str | None, wanted: str | None
) -> None:
    assert earlier_champion(_changes(*history), present) == wanted


def test_a_record_in_mlflow_that_somebody_broke_is_named(registry: Registry, home: Home) -> None:
    registry.move("1", "because", Decider.HAND)
    _client(home).set_registered_model_tag(MODEL_NAME, "desta.champion.0001", "{}")
    with pytest.raises(ContractError, match=r"its tag desta.champion.0001 in MLflow is no change"):
        _ = registry.history


def test_looking_for_a_registry_makes_none(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(ConfigurationError, match=r"no desta-adapter yet; `desta run` registers"):
        open_registry(home)
    assert not home.root.exists()


def test_what_mlflow_cannot_do_is_one_line(home: Home) -> None:
    with pytest.raises(SourceError, match=r"^MLflow at .*: no room; look$") as raised, explaining(home, "look"):
        raise OSError("no room\nand a second line")
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_database_is_one_line(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    home.root.mkdir()
    (home.root / "mlflow.db").write_text("no database at all\n" * 500)
    with pytest.raises(SourceError, match=r"mlflow.db: .*file is not a database; see `desta doctor`"), explaining(home):
        open_registry(home)


@pytest.mark.parametrize("text", ["3", "desta-adapter@3", "desta-adapter@003"])
def test_a_version_is_named_by_its_number_alone_or_behind_the_model(text: str) -> None:
    assert version_named(text) == "3"


@pytest.mark.parametrize("text", ["", "v3", "-1", "other@3", "desta-adapter@champion", "3\n", "9" * 30, "٣"])
def test_other_names_of_a_version_are_one_line(text: str) -> None:
    with pytest.raises(DestaError, match=r"want a number, or desta-adapter@NUMBER"):
        version_named(text)


def test_a_champion_whose_version_was_deleted_is_none(registry: Registry, home: Home) -> None:
    registry.move("1", "because", Decider.HAND)
    _client(home).delete_model_version(MODEL_NAME, "1")
    assert registry.champion is None
