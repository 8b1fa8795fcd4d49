"""Which model is meant."""

from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError, ContractError
from components.core.home import Home
from components.core.inference.choosing import chosen_model
from components.core.runs import (
    ModelVersion,
    Output,
    RunRecord,
    StageRecord,
    State,
    TrackingRecord,
    stage_file,
    write_record,
    write_run,
    write_tracking,
)


def add_run(home: Home, run_id: str, started_s: float, version: str | None, *, trained: bool = True) -> Path:
    run_dir, folder = home.runs / run_id, home.store / "train_model" / run_id
    run = RunRecord(
        run_id=run_id,
        profile="sample",
        state=State.SUCCEEDED,
        pid=1,
        process_started_s=0.0,
        started_s=started_s,
        seconds=1.0,
        parameters={},
        data_revision="r",
        code_version="c",
    )
    stage = StageRecord(
        stage="train_model",
        state=State.SUCCEEDED if trained else State.FAILED,
        reused=False,
        rows_in=1,
        rows_out=1,
        refused={},
        seconds=1.0,
        started_s=started_s,
        outputs={"model": Output(digest="0" * 64, path=str(folder))} if trained else {},
        facts={},
    )
    model = ModelVersion(name="desta-adapter", version=version, digest="0" * 64) if version else None
    write_run(run_dir, run)
    write_record(stage_file(run_dir, "train_model"), stage)
    write_tracking(run_dir, TrackingRecord(mlflow_run_id="m", model=model))
    return folder


def test_the_newest_registered_model_is_meant_else_the_newest_trained(home: Home) -> None:
    first = add_run(home, "a", 1.0, None)
    assert chosen_model(None, home) == first
    second = add_run(home, "b", 2.0, "1")
    add_run(home, "c", 3.0, None)
    add_run(home, "d", 4.0, None, trained=False)
    assert chosen_model(None, home) == second


def test_a_model_is_named_by_its_run_its_version_or_its_folder(home: Home, tmp_path: Path) -> None:
    first, second = add_run(home, "a", 1.0, "1"), add_run(home, "b", 2.0, "2")
    (tmp_path / "config.json").write_text("{}")
    assert chosen_model("a", home) == first
    assert chosen_model("desta-adapter@2", home) == second
    assert chosen_model(str(tmp_path), home) == tmp_path


def test_a_model_that_does_not_exist_is_one_clear_line(home: Home) -> None:
    with pytest.raises(ConfigurationError, match=r"no trained model yet; train one with `desta run`"):
        chosen_model(None, home)
    add_run(home, "a", 1.0, None, trained=False)
    with pytest.raises(ConfigurationError, match=r"run a: it has trained no model"):
        chosen_model("a", home)
    with pytest.raises(ConfigurationError, match=r"model 'desta-adapter@9': no folder with config.json"):
        chosen_model("desta-adapter@9", home)


def test_a_champion_that_does_not_exist_is_one_clear_line(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    add_run(home, "a", 1.0, "1")
    with pytest.raises(ConfigurationError, match=r"no desta-adapter yet; `desta run` registers a model"):
        chosen_model("desta-adapter@champion", home)


def test_a_model_with_a_manifest_is_verified(home: Home) -> None:
    folder = add_run(home, "a", 1.0, "1")
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(ContractError, match=r"manifest.json: not a manifest"):
        chosen_model(None, home)
