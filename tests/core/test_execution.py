import threading
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pytest

from components.core.contracts.artifacts import Counts
from components.core.contracts.errors import ConfigurationError, ContractError, GateRefused, SourceError
from components.core.contracts.records import Sample
from components.core.execution import Job, Outcome, Work, Workplace, execute, latest_result
from components.core.home import Home
from components.core.runs import Increment, State, read_stage
from components.core.settings import ONLY_HOW, Settings
from components.core.stages import stage_named
from tests.builders import make_sample


class Nothing(Settings):
    number: int = 1
    hands: Annotated[int, ONLY_HOW] = 1


def make_job(stage: str = "self_generate", number: int = 1, hands: int = 1) -> Job:
    return Job(stage=stage_named(stage), settings=Nothing(number=number, hands=hands))


def counting(calls: list[int], refusals: tuple[str, ...] = ()) -> Work:
    def work(place: Workplace) -> Outcome:
        calls.append(1)
        place.draft.write([make_sample()], Sample)
        return Outcome(counts=Counts(rows_in=1, rows_out=1, refused={}), refusals=refusals)

    return work


def test_a_finished_result_is_not_made_again(home: Home, tmp_path: Path) -> None:
    calls: list[int] = []

    first = execute(make_job(), tmp_path / "a", home, counting(calls))
    again = execute(make_job(), tmp_path / "b", home, counting(calls))

    assert len(calls) == 1
    assert first.digest == again.digest
    assert list(again.read(Sample)) == [make_sample()]


def test_another_setting_makes_another_result(home: Home, tmp_path: Path) -> None:
    calls: list[int] = []

    execute(make_job(number=1), tmp_path / "a", home, counting(calls))
    execute(make_job(number=2), tmp_path / "b", home, counting(calls))

    assert len(calls) == 2


def test_a_setting_of_how_only_does_not_make_another_result(home: Home, tmp_path: Path) -> None:
    calls: list[int] = []

    execute(make_job(hands=1), tmp_path / "a", home, counting(calls))
    execute(make_job(hands=2), tmp_path / "b", home, counting(calls))

    assert len(calls) == 1


def test_two_at_once_make_it_once(home: Home, tmp_path: Path) -> None:
    calls: list[int] = []
    threads = [
        threading.Thread(target=execute, args=(make_job(), tmp_path / name, home, counting(calls))) for name in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(calls) == 1


def test_a_failed_attempt_leaves_its_work_for_the_next_and_no_result(home: Home, tmp_path: Path) -> None:
    def half(place: Workplace) -> Outcome:
        (place.resume / "done").write_text("1")
        raise SourceError("the disk is full")

    def rest(place: Workplace) -> Outcome:
        assert (place.resume / "done").read_text() == "1"
        return counting([])(place)

    with pytest.raises(SourceError):
        execute(make_job(), tmp_path / "a", home, half)
    assert not (tmp_path / "a").exists()
    execute(make_job(), tmp_path / "a", home, rest)

    assert (tmp_path / "a" / "manifest.json").is_file()


def test_an_output_that_is_no_result_is_left_alone(home: Home, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")

    with pytest.raises(ConfigurationError, match="mine: exists and is not a result of a stage"):
        execute(make_job(), tmp_path / "mine", home, counting([]))

    assert (tmp_path / "mine" / "thesis.txt").read_text() == "all of it"


def test_a_damaged_result_is_not_reused(home: Home, tmp_path: Path) -> None:
    execute(make_job(), tmp_path / "a", home, counting([]))
    shard = next(home.store.rglob("part-*.parquet"))
    data = bytearray(shard.read_bytes())
    data[-20] ^= 1
    shard.write_bytes(data)

    with pytest.raises(ContractError, match=str(shard)):
        execute(make_job(), tmp_path / "b", home, counting([]))


def test_a_gate_that_stops_keeps_its_evidence_and_refuses_again(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTA_RUN_DIR", str(tmp_path / "run"))
    calls: list[int] = []
    for _ in range(2):
        with pytest.raises(GateRefused, match="validate_data: too few"):
            execute(make_job("validate_data"), tmp_path / "out", home, counting(calls, ("too few",)))

    record = read_stage(tmp_path / "run", "validate_data")
    assert len(calls) == 1
    assert (tmp_path / "out" / "manifest.json").is_file()
    assert record is not None
    assert (record.state, record.error, record.reused) == (State.REFUSED, "too few", True)


def test_the_run_is_told_what_came_of_a_stage(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTA_RUN_DIR", str(tmp_path / "run"))

    artifact = execute(make_job(), tmp_path / "a", home, counting([]))

    record = read_stage(tmp_path / "run", "self_generate")
    assert record is not None
    assert (record.state, record.rows_in, record.rows_out) == (State.SUCCEEDED, 1, 1)
    assert record.outputs["samples"].digest == artifact.digest


def test_what_a_run_had_to_do_is_in_its_record_and_not_in_the_result(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    increment = Increment(unit="answers", found=818, made=10)

    def work(place: Workplace) -> Outcome:
        return replace(counting([])(place), increment=increment)

    without = execute(make_job(), tmp_path / "a", Home(tmp_path / "other"), counting([]))
    done = []
    for name in ("first", "again"):
        monkeypatch.setenv("DESTA_RUN_DIR", str(tmp_path / name))
        assert execute(make_job(), tmp_path / "b", home, work).manifest == without.manifest
        record = read_stage(tmp_path / name, "self_generate")
        assert record is not None
        done.append(record.increment)
    assert done == [increment, None]


def test_a_shard_is_not_the_latest_result_of_a_stage(home: Home, tmp_path: Path) -> None:
    stage = stage_named("self_generate")
    execute(make_job(), tmp_path / "a", home, counting([]))
    shard = Job(stage=replace(stage, output="samples_shard"), settings=Nothing(number=2))
    execute(shard, tmp_path / "b", home, counting([]))
    latest = latest_result(home, stage)
    assert latest is not None
    assert latest.lineage.settings == {"number": 1}


def test_a_bug_is_recorded_and_not_hidden(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTA_RUN_DIR", str(tmp_path / "run"))

    def broken(_: Workplace) -> Outcome:
        raise KeyError("x")

    with pytest.raises(KeyError):
        execute(make_job(), tmp_path / "a", home, broken)

    record = read_stage(tmp_path / "run", "self_generate")
    assert record is not None
    assert (record.state, record.error) == (State.FAILED, "KeyError: 'x'")
