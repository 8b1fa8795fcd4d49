"""Cron has one meaning here and on a cluster, also where clocks are changed."""

from datetime import UTC, datetime

import pytest

from pipelines.schedule.cron import Cron, parse_cron


def _fires(cron: Cron, after: str, count: int) -> list[str]:
    fires, moment = [], datetime.fromisoformat(after)
    for _ in range(count):
        found = cron.next_after(moment)
        assert found is not None
        moment = found
        fires.append(f"{moment:%m-%dT%H:%M}")
    return fires


@pytest.mark.parametrize(
    ("written", "for_kubeflow"),
    [
        ("0 3 * * 0", "0 0 3 * * sun"),
        ("0 3 * * 7", "0 0 3 * * sun"),
        ("0 3 * * 1-5", "0 0 3 * * mon,tue,wed,thu,fri"),
        ("0 3 * * 5-7", "0 0 3 * * sun,fri,sat"),
        ("0 3 * * */2", "0 0 3 * * sun,tue,thu,sat"),
        ("0 3 * * 0-6", "0 0 3 * * *"),
        ("*/15 8-18 1,15 JAN-MAR *", "0 */15 8-18 1,15 jan-mar *"),
    ],
)
def test_kubeflow_gets_seconds_and_days_by_name(written: str, for_kubeflow: str) -> None:
    assert parse_cron(written, "UTC").with_seconds == for_kubeflow


def test_zero_is_sunday() -> None:
    assert _fires(parse_cron("0 3 * * 0", "UTC"), "2026-11-28T12:00:00+00:00", 2) == ["11-29T03:00", "12-06T03:00"]


def test_hours_are_those_of_the_time_zone() -> None:
    summer_and_winter = _fires(parse_cron("0 3 * * *", "Europe/Berlin"), "2026-10-24T00:00:00+00:00", 2)
    assert summer_and_winter == ["10-24T01:00", "10-25T02:00"]


def test_a_time_that_the_clocks_leave_out_comes_an_hour_later_once() -> None:
    assert _fires(parse_cron("30 2 * * *", "Europe/Berlin"), "2026-03-28T12:00:00+00:00", 2) == [
        "03-29T01:30",  # 03:30 there: 02:30 is left out
        "03-30T00:30",
    ]


def test_a_time_that_the_clocks_repeat_comes_once() -> None:
    assert _fires(parse_cron("30 2 * * *", "Europe/Berlin"), "2026-10-24T12:00:00+00:00", 2) == [
        "10-25T00:30",
        "10-26T01:30",
    ]


def test_an_hourly_schedule_runs_in_both_hours_that_have_one_name() -> None:
    assert _fires(parse_cron("30 * * * *", "Europe/Berlin"), "2026-10-25T00:00:00+00:00", 3) == [
        "10-25T00:30",
        "10-25T01:30",
        "10-25T02:30",
    ]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "has 0 fields, want five"),
        ("0 0 3 * * 1", "has 6 fields, want five"),
        ("@daily", "has 1 fields"),
        ("61 3 * * *", "61"),
        ("0 24 * * *", "24"),
        ("0 3 0 * *", "'0 3 0 \\* \\*'"),
        ("0 3 last * *", "'last' is no day of month"),
        ("0 3 * foo *", "foo"),
        ("0 3 * * 8", "'8' is no day of week"),
        ("0 3 * * fri-mon", "the earlier day first"),
        ("0 3 * * */0", "no day of week"),
        ("*/0 3 * * *", "higher than 0"),
        ("0 3 1 * 1", "'both' here and 'either' on a cluster"),
        ("0 3 31 2 *", "names no day that there is"),
        ("0;3 3 * * *", "'0;3' is no minute"),
        ("-1 3 * * *", "'-1' is no minute"),
        ("0 3 * * ?", "'\\?' is no day of week"),
        ("٣ 3 * * *", "is no minute"),
    ],
)
def test_what_is_no_cron_is_named(written: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_cron(written, "UTC")


def test_a_leap_day_is_a_day_that_there_is() -> None:
    assert parse_cron("0 0 29 2 *", "UTC").next_after(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(
        2028, 2, 29, tzinfo=UTC
    )
