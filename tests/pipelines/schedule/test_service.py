"""The embedded scheduler as a service: what a run came to, ends and kills, pauses, and files that change."""

import subprocess
import sys
from datetime import UTC, datetime
from threading import Event as Flag
from typing import Any

import pytest

from components.core.contracts.errors import ConfigurationError, SourceError
from pipelines.schedule.due import Verdict
from pipelines.schedule.embedded import Scheduler, serve
from pipelines.schedule.fires import Fires, Outcome
from pipelines.schedule.firing import Firing
from pipelines.schedule.launch import Ended
from tests.pipelines.schedule.machine import NOTHING, Machine
from tests.pipelines.schedule.making import write_schedule


def test_only_if_due_asks_before_it_runs(machine: Machine) -> None:
    write_schedule(machine.folder, cron="0 3 * * *", only_if_due=True)
    machine.verdict = NOTHING
    scheduler = machine.start()
    machine.until(scheduler, "30T04:00", minutes=1)
    assert machine.ran == []
    assert machine.history() == [("30T03:00", Outcome.NOT_DUE)]


def test_a_question_that_cannot_be_answered_is_a_failure_with_its_line(machine: Machine) -> None:
    scheduler = machine.start()

    def fail(*_: object) -> Verdict:
        raise SourceError("the disk is gone")

    object.__setattr__(scheduler._firing, "judge", fail)
    machine.until(scheduler, "30T04:00", minutes=1)
    (fire,) = Fires(machine.home).history()
    assert (fire.outcome, fire.detail) == (Outcome.FAILED, "the disk is gone")


@pytest.mark.parametrize(
    ("ended", "outcome", "detail"),
    [
        (Ended(0, "r1", "a warning"), Outcome.SUCCEEDED, None),
        (Ended(3, "r1", "the gate"), Outcome.REFUSED, "the gate"),
        (Ended(1, "r1", "a stage"), Outcome.FAILED, "a stage"),
        (Ended(2, None, "no such profile"), Outcome.FAILED, "no such profile"),
        (Ended(130, "r1", "interrupted"), Outcome.INTERRUPTED, "interrupted"),
        (Ended(-9, None, None), Outcome.FAILED, "the run was killed by signal 9"),
    ],
)
def test_the_exit_code_says_what_became_of_a_run(
    ended: Ended, outcome: Outcome, detail: str | None, machine: Machine
) -> None:
    machine.ended = ended
    machine.until(machine.start(), "30T03:30")
    (fire,) = Fires(machine.home).history()
    assert (fire.outcome, fire.detail, fire.run_id) == (outcome, detail, ended.run_id)


def test_a_service_that_is_ended_during_a_run_takes_it_up_again(machine: Machine) -> None:
    machine.during, machine.ended = machine.stop.set, Ended(-15, None, None)
    machine.until(machine.start(), "30T03:05")
    assert machine.history() == [("30T03:00", Outcome.INTERRUPTED)]
    machine.during, machine.ended = (lambda: None), Ended(0, "r2", None)
    machine.start()
    assert machine.history() == [("30T03:00", Outcome.INTERRUPTED), ("30T03:00", Outcome.SUCCEEDED)]


def test_a_service_that_was_killed_during_a_run_takes_it_up_again(machine: Machine) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; from components.core.home import Home\n"
        "from pipelines.schedule.fires import By, Fires\n"
        "fires = Fires(Home(Path(sys.argv[1]))); due_s = float(sys.argv[2])\n"
        "fires.begin('weekly', By.SCHEDULE, due_s, due_s)\n"
        "os.kill(os.getpid(), 9)"
    )
    machine.start()
    due_s = datetime(2026, 11, 30, 3, 0, tzinfo=UTC).timestamp()
    subprocess.run([sys.executable, "-c", code, str(machine.home.root), str(due_s)], check=False)
    assert machine.history() == [("30T03:00", Outcome.RUNNING)]
    machine.time = datetime(2026, 11, 30, 3, 30, tzinfo=UTC)
    machine.start()
    assert machine.history() == [("30T03:00", Outcome.INTERRUPTED), ("30T03:00", Outcome.SUCCEEDED)]


def test_an_interrupted_fire_is_not_made_up_for_where_missed_ones_are_skipped(machine: Machine) -> None:
    write_schedule(machine.folder, cron="0 3 * * *", on_missed="skip")
    machine.during, machine.ended = machine.stop.set, Ended(-15, None, None)
    machine.until(machine.start(), "30T03:05")
    machine.start()
    assert machine.ran == ["weekly 30T03:00"]
    assert machine.history() == [("30T03:00", Outcome.INTERRUPTED), ("30T03:00", Outcome.MISSED)]


def test_a_run_that_a_person_interrupted_is_not_started_again(machine: Machine) -> None:
    machine.ended = Ended(130, "r1", "interrupted")
    machine.until(machine.start(), "30T12:00", minutes=5)
    machine.start()
    assert machine.ran == ["weekly 30T03:00"]


def test_a_run_by_hand_that_goes_on_is_not_taken_for_a_killed_one(machine: Machine) -> None:
    seen: list[tuple[str, Outcome]] = []

    def recover() -> None:
        Scheduler(machine.folder, _firing(machine)).recover()
        seen.extend(machine.history())

    machine.during = recover
    machine.until(machine.start(), "30T03:30")
    assert seen == [("30T03:00", Outcome.RUNNING)]


def _firing(machine: Machine) -> Firing:
    return Firing(home=machine.home, fires=Fires(machine.home), stop=machine.stop, clock=machine)


def test_a_paused_schedule_starts_nothing_and_makes_up_for_nothing(machine: Machine) -> None:
    scheduler = machine.start()
    Fires(machine.home).pause("weekly", True, machine.time.timestamp())
    machine.until(scheduler, "30T12:00", minutes=5)
    Fires(machine.home).pause("weekly", False, machine.time.timestamp())
    machine.until(scheduler, "30T23:00", minutes=5)
    assert machine.ran == []
    machine.time = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
    scheduler.tick()
    assert machine.ran == ["weekly 01T03:00"]


def test_a_pause_survives_a_restart_and_a_service_that_is_down(machine: Machine) -> None:
    machine.start()
    Fires(machine.home).pause("weekly", True, machine.time.timestamp())
    machine.until(machine.start(), "30T12:00", minutes=5)
    assert machine.ran == []


def test_a_schedule_that_is_not_enabled_makes_up_for_nothing_when_it_is(machine: Machine) -> None:
    write_schedule(machine.folder, cron="0 3 * * *", enabled=False)
    scheduler = machine.start()
    machine.until(scheduler, "30T12:00", minutes=5)
    write_schedule(machine.folder, cron="0 3 * * *", enabled=True)
    machine.until(scheduler, "30T23:00", minutes=5)
    assert machine.ran == []


def test_a_file_that_comes_back_begins_anew(machine: Machine) -> None:
    scheduler = machine.start()
    content = (machine.folder / "weekly.yaml").read_text()
    (machine.folder / "weekly.yaml").unlink()
    machine.until(scheduler, "30T12:00", minutes=5)
    (machine.folder / "weekly.yaml").write_text(content)
    machine.until(scheduler, "30T23:00", minutes=5)
    assert machine.ran == []


def test_a_broken_file_is_told_once_and_the_schedules_before_go_on(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    scheduler = machine.start()
    (machine.folder / "another.yaml").write_text("crom: x")
    machine.until(scheduler, "30T04:00", minutes=1)
    assert machine.ran == ["weekly 30T03:00"]
    assert capsys.readouterr().err.count("another.yaml: ") == 1


def test_a_broken_file_keeps_the_service_from_starting(machine: Machine) -> None:
    (machine.folder / "another.yaml").write_text("crom: x")
    with pytest.raises(ConfigurationError, match=r"another\.yaml: "):
        machine.start()


def test_one_service_drives_a_home(machine: Machine) -> None:
    (machine.home.root / "schedules").mkdir(parents=True)
    stop, again = Flag(), Flag()
    stop.set()
    serve(machine.folder, machine.home, stop)
    from pipelines.schedule import embedded

    with (
        embedded._only_service(machine.home),
        pytest.raises(ConfigurationError, match="another `desta schedule run` drives this home"),
    ):
        serve(machine.folder, machine.home, again)


def test_a_database_that_is_none_is_one_line(machine: Machine) -> None:
    (machine.home.root / "schedules").mkdir(parents=True)
    (machine.home.root / "schedules" / "fires.sqlite").write_text("no database at all, but some text of a person")
    with pytest.raises(Exception, match=r"fires\.sqlite: file is not a database; restore it"):
        machine.start()


def test_the_machines_own_clock_drives_a_schedule(machine: Machine) -> None:
    from pipelines.schedule.firing import SystemClock

    write_schedule(machine.folder, cron="* * * * *")
    fires = Fires(machine.home)
    firing = Firing(
        home=machine.home, fires=fires, stop=Flag(), clock=SystemClock(), launch=machine.launch, judge=machine.judge
    )
    scheduler = Scheduler(machine.folder, firing)
    scheduler.tick()
    fires.settle("weekly", "* * * * * UTC", firing.now_s() - 61)
    scheduler.tick()
    (fire,) = fires.history()
    assert abs(datetime.fromisoformat(fire.started).timestamp() - datetime.now(UTC).timestamp()) < 5
    assert fire.outcome is Outcome.SUCCEEDED


def test_the_state_is_text_and_numbers(machine: Machine) -> None:
    machine.until(machine.start(), "30T03:30")
    rows: list[tuple[Any, ...]] = Fires(machine.home)._rows.execute("SELECT * FROM fires").fetchall()
    assert {type(value) for row in rows for value in row} == {str, int, float, type(None)}
