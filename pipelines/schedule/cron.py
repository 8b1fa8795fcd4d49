"""When a schedule fires: five cron fields in a time zone, with one meaning on this machine and on a cluster.

The two cron libraries differ where people do not expect it: APScheduler counts weekdays from Monday and Kubeflow's from
Sunday, and a day of the month beside a day of the week means "both" to the one and "either" to the other. So weekdays
are written by name for both of them, and of the two kinds of days only one may be given.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NUMBER, _MONTH, _DAY = r"\d{1,2}", r"(?:\d{1,2}|[a-z]{3})", rf"(?:[0-7]|{'|'.join(_DAYS)})"
_FIELDS = {"minute": _NUMBER, "hour": _NUMBER, "day of month": _NUMBER, "month": _MONTH, "day of week": _DAY}


@dataclass(frozen=True)
class Cron:
    """A rule for moments: `fields` as both libraries read them, counted in a time zone."""

    fields: tuple[str, ...]
    zone: str

    @property
    def with_seconds(self) -> str:
        """The rule as Kubeflow wants it: six fields, seconds first."""
        return " ".join(("0", *self.fields))

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first moment (UTC) after another one; `None` for a rule that names no day there is.

        A time that a change of the clock leaves out comes an hour later on that day, and one that it repeats comes
        once, unless the rule's hours have an asterisk.
        """
        trigger, after = _trigger(self), moment.astimezone(UTC)
        while fire := trigger.get_next_fire_time(None, after + timedelta(microseconds=1)):
            after = datetime.fromtimestamp(fire.timestamp(), UTC)
            if not fire.fold or "*" in self.fields[1]:
                return after
        return None


@lru_cache
def parse_cron(text: str, zone: str) -> Cron:
    """Read five fields as people write them.

    Raises:
        ValueError: there are not five, one of them cannot be, or the rule never fires; says which.
    """
    written = text.lower().split()
    if len(written) != len(_FIELDS):
        raise ValueError(f"{text!r} has {len(written)} fields, want five: minute hour day month weekday")
    for (name, value), field in zip(_FIELDS.items(), written, strict=True):
        part = rf"(?:\*(?:/\d+)?|{value}(?:-{value}(?:/\d+)?)?)"
        if not re.fullmatch(rf"{part}(?:,{part})*", field, re.ASCII):
            raise ValueError(f"{field!r} is no {name}; want a form such as *, 5, 1-5, */15 or 0,30")
    cron = Cron((*written[:4], _named_days(written[4])), zone)
    try:
        never = cron.next_after(datetime.now(UTC)) is None
    except ValueError as error:  # the library's words for a number out of range
        raise ValueError(f"{text!r}: {error}") from error
    if "*" not in (cron.fields[2], cron.fields[4]):
        raise ValueError(
            f"{text!r} names days of the month and of the week, which means 'both' here and 'either' on a cluster; "
            "write two schedules"
        )
    if never:
        raise ValueError(f"{text!r} names no day that there is")
    return cron


@lru_cache
def _trigger(cron: Cron) -> CronTrigger:
    minute, hour, day, month, day_of_week = cron.fields
    zone = ZoneInfo(cron.zone)
    return CronTrigger(minute=minute, hour=hour, day=day, month=month, day_of_week=day_of_week, timezone=zone)


def _named_days(field: str) -> str:
    days = sorted({day % 7 for part in field.split(",") for day in _days_of(part)})
    return "*" if len(days) == len(_DAYS) else ",".join(_DAYS[day] for day in days)


def _days_of(part: str) -> Iterator[int]:
    """Yield the days of a part such as `1-5/2`, from 0 for Sunday to 7 for Sunday again."""
    span, _, step = part.partition("/")
    first, _, last = span.partition("-")
    begin, end = (0, 6) if span == "*" else (_day(first), _day(last or first))
    if begin > end or step == "0":
        raise ValueError(f"{part!r} is no day of week; want the earlier day first, Sunday is 0 or 7")
    yield from range(begin, end + 1, int(step or 1))


def _day(word: str) -> int:
    return _DAYS.index(word) if word in _DAYS else int(word)
