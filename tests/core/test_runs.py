"""The record of a stage whose parts are pods of their own."""

from pathlib import Path
from typing import Any

import pytest

from components.core.home import Home
from components.core.runs import Increment, Output, State, current_run_dir, read_stage, write_stage
from tests.pipelines.results import make_stage_record

DONE: dict[str, Any] = {"state": State.SUCCEEDED, "rows_in": 4, "rows_out": 4}


@pytest.fixture
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DESTA_RUN_DIR", str(tmp_path))
    return tmp_path


def shard(part: int, **changes: Any) -> None:
    write_stage(make_stage_record(stage="self_generate", part=part, **changes))


def increment(found: int, made: int) -> Increment:
    return Increment(unit="answers", found=found, made=made)


def test_a_stage_of_parts_runs_until_they_are_put_together(run_dir: Path) -> None:
    shard(0, started_s=10.0, seconds=5.0, **DONE)
    shard(1, started_s=12.0)
    record = read_stage(run_dir, "self_generate")
    assert record is not None
    assert (record.state, record.rows_out, record.outputs, record.started_s) == (State.RUNNING, 0, {}, 10.0)


def test_a_part_that_failed_is_how_the_stage_failed_until_it_is_tried_again(run_dir: Path) -> None:
    shard(0, **DONE)
    shard(1, state=State.FAILED, error="the server is away")
    failed = read_stage(run_dir, "self_generate")
    assert failed is not None
    assert (failed.state, failed.error) == (State.FAILED, "the server is away")
    shard(1)
    again = read_stage(run_dir, "self_generate")
    assert again is not None
    assert (again.state, again.error) == (State.RUNNING, None)


def test_put_together_it_has_the_rows_of_the_whole_and_the_time_and_the_work_of_all_parts(run_dir: Path) -> None:
    shard(0, started_s=10.0, seconds=5.0, increment=increment(1, 3), **DONE)
    shard(10, started_s=12.0, seconds=6.0, increment=increment(0, 4), **DONE)
    outputs = {"samples": Output(digest="d", path="/store/samples")}
    whole = {"started_s": 20.0, "seconds": 2.0, "state": State.SUCCEEDED, "rows_in": 4, "rows_out": 8}
    write_stage(make_stage_record(stage="self_generate", outputs=outputs, reused=True, **whole))
    record = read_stage(run_dir, "self_generate")
    assert record is not None
    assert (record.state, record.rows_out, record.outputs, record.part) == (State.SUCCEEDED, 8, outputs, None)
    assert (record.started_s, record.seconds, record.reused) == (10.0, 12.0, False)
    assert record.increment == increment(1, 7)


def test_a_stage_that_is_no_part_is_not_taken_for_one(run_dir: Path) -> None:
    write_stage(make_stage_record(stage="train_model"))
    assert read_stage(run_dir, "train_model") == make_stage_record(stage="train_model")
    assert read_stage(run_dir, "self_generate") is None


def test_a_pod_finds_the_folder_of_its_run_in_the_home_that_it_sees(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert current_run_dir() is None
    monkeypatch.setenv("DESTA_RUN_ID", "0f1c52d6")
    assert current_run_dir() == home.runs / "0f1c52d6"
    monkeypatch.setenv("DESTA_RUN_ID", "")
    assert current_run_dir() is None
