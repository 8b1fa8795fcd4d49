"""The embedded scheduler through restart, missed fires, overlapping runs, clock jumps and changed time zones."""

from datetime import UTC, datetime, timedelta

import pytest

from pipelines.lock import run_lock
from pipelines.schedule.fires import Fires, Outcome
from tests.pipelines.schedule.machine import Machine
from tests.pipelines.schedule.making import write_schedule


def test_a_schedule_runs_at_its_time_and_once(machine: Machine) -> None:
    machine.until(machine.start(), "30T12:00")
    assert machine.ran == ["weekly 30T03:00"]
    (fire,) = Fires(machine.home).history()
    assert (fire.outcome, fire.run_id, fire.reasons) == (
        *(Outcome.SUCCEEDED, "r1"),
        ("new_clips: ingest_audio: corpus mine changed",),
    )
    assert (fire.due, fire.ended) == ("2026-11-30T03:00:00+00:00", "2026-11-30T03:10:00+00:00")


def test_a_first_start_makes_up_for_nothing(machine: Machine) -> None:
    machine.time = machine.time.replace(hour=3, minute=0, second=1)
    machine.start()
    assert machine.ran == []


def test_a_restart_remembers_what_was_run(machine: Machine) -> None:
    machine.until(machine.start(), "30T03:05")
    machine.until(machine.start(), "30T12:00")
    assert machine.ran == ["weekly 30T03:00"]


def test_a_fire_that_was_missed_while_the_service_was_down_runs_once(machine: Machine) -> None:
    machine.start()
    machine.time += timedelta(days=1, hours=12)
    machine.until(machine.start(), "01T02:59")
    assert machine.ran == ["weekly 01T00:00"]
    assert machine.history() == [("30T03:00", Outcome.SUCCEEDED)]


def test_many_missed_fires_are_made_up_for_by_one_run(machine: Machine) -> None:
    write_schedule(machine.folder, cron="*/10 * * * *")
    machine.start()
    machine.time += timedelta(hours=6)
    scheduler = machine.start()
    assert machine.ran == ["weekly 29T18:00"]
    machine.minutes = 1
    machine.until(scheduler, "29T18:25")
    assert machine.ran == ["weekly 29T18:00", "weekly 29T18:10", "weekly 29T18:20"]


def test_a_missed_fire_is_skipped_where_the_file_says_so(machine: Machine) -> None:
    write_schedule(machine.folder, cron="0 3 * * *", on_missed="skip")
    machine.start()
    machine.time = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
    machine.start()
    assert machine.ran == []
    (fire,) = Fires(machine.home).history()
    span = "2026-11-30T03:00:00+00:00 to 2026-11-30T08:59:00+00:00"
    assert (fire.outcome, fire.detail) == (
        Outcome.MISSED,
        f"nobody was there to start it; skipped what was due from {span}",
    )


def test_after_skipped_fires_the_one_that_is_on_time_runs(machine: Machine) -> None:
    write_schedule(machine.folder, cron="0 * * * *", on_missed="skip")
    machine.start()
    machine.time = datetime(2026, 11, 29, 20, 0, 5, tzinfo=UTC)
    machine.start().tick()
    assert machine.history() == [("29T13:00", Outcome.MISSED), ("29T20:00", Outcome.SUCCEEDED)]


def test_a_run_that_outlasts_the_next_fire_is_followed_by_one_run(machine: Machine) -> None:
    write_schedule(machine.folder, cron="0 * * * *")
    machine.minutes = 150
    scheduler = machine.start()
    machine.until(scheduler, "29T13:00")
    assert machine.ran == ["weekly 29T13:00"]
    machine.minutes = 5
    machine.until(scheduler, "29T15:59")
    assert machine.ran == ["weekly 29T13:00", "weekly 29T15:30"]


def test_a_run_that_outlasts_the_next_fire_is_not_followed_where_missed_fires_are_skipped(machine: Machine) -> None:
    write_schedule(machine.folder, cron="0 * * * *", on_missed="skip")
    machine.minutes = 150
    scheduler = machine.start()
    machine.until(scheduler, "29T15:59")
    assert machine.ran == ["weekly 29T13:00"]
    detail = Fires(machine.home).history()[0].detail
    assert detail is not None
    assert detail.startswith("another run was under way")


def test_two_schedules_of_one_moment_run_one_after_the_other(machine: Machine) -> None:
    write_schedule(machine.folder, name="another", cron="0 3 * * *")
    machine.until(machine.start(), "30T04:00")
    assert machine.ran == ["another 30T03:00", "weekly 30T03:10"]


def test_a_run_that_somebody_started_by_hand_is_waited_for(machine: Machine) -> None:
    scheduler = machine.start()
    with run_lock(machine.home, "by hand"):
        machine.until(scheduler, "30T05:00")
        assert machine.ran == []
    machine.until(scheduler, "30T05:01")
    assert machine.ran == ["weekly 30T05:00"]


def test_a_clock_that_jumps_forth_is_like_a_machine_that_slept(machine: Machine) -> None:
    scheduler = machine.start()
    machine.time += timedelta(days=3)
    scheduler.tick()
    assert machine.ran == ["weekly 02T12:00"]


def test_a_clock_that_is_set_back_a_little_repeats_nothing(machine: Machine) -> None:
    scheduler = machine.start()
    machine.until(scheduler, "30T03:20")
    machine.time -= timedelta(hours=2)
    machine.until(scheduler, "30T12:00")
    assert machine.ran == ["weekly 30T03:00"]


def test_a_clock_that_is_set_back_a_little_repeats_nothing_that_one_run_made_up_for(machine: Machine) -> None:
    write_schedule(machine.folder, cron="*/10 * * * *")
    machine.start()
    machine.time += timedelta(hours=6)
    machine.minutes = 1
    scheduler = machine.start()
    machine.time -= timedelta(hours=2)
    machine.until(scheduler, "29T18:09")
    assert machine.ran == ["weekly 29T18:00"]


def test_a_clock_that_is_set_back_by_days_holds_at_once_and_repeats_no_moment(machine: Machine) -> None:
    """A wrong clock ran a year ahead; when it is set right, the schedule does not wait for a year."""
    machine.time = machine.time.replace(year=2027)
    scheduler = machine.start()
    machine.until(scheduler, "30T03:20")
    machine.time = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
    machine.until(scheduler, "30T03:20")
    assert machine.ran == ["weekly 30T03:00", "weekly 30T03:00"]
    machine.time = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
    machine.until(scheduler, "30T12:00")
    assert machine.ran == ["weekly 30T03:00", "weekly 30T03:00"]


def test_another_time_zone_in_the_file_holds_from_then_on(machine: Machine) -> None:
    scheduler = machine.start()
    machine.until(scheduler, "30T03:20")
    write_schedule(machine.folder, cron="0 3 * * *", timezone="America/New_York")
    machine.until(scheduler, "30T12:00", minutes=1)
    assert machine.ran == ["weekly 30T03:00", "weekly 30T08:00"]


def test_a_changed_rule_makes_up_for_nothing(machine: Machine) -> None:
    machine.start()
    machine.time = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
    write_schedule(machine.folder, cron="0 4 * * *")
    machine.start()
    assert machine.ran == []


@pytest.mark.parametrize(
    ("day_before", "ran"),
    [
        (datetime(2026, 10, 24, 12, tzinfo=UTC), "weekly 25T00:30"),  # 02:30 twice: the first of the two
        (datetime(2027, 3, 27, 12, tzinfo=UTC), "weekly 28T01:30"),  # no 02:30: an hour later
    ],
    ids=["repeated", "left out"],
)
def test_a_night_of_a_clock_change_has_one_run(day_before: datetime, ran: str, machine: Machine) -> None:
    write_schedule(machine.folder, cron="30 2 * * *", timezone="Europe/Berlin")
    machine.time = day_before
    machine.until(machine.start(), f"{day_before.day + 1}T12:00", minutes=1)
    assert machine.ran == [ran]
