"""What `desta schedule list` shows: each schedule with its next moment and what became of the last."""

from datetime import UTC, datetime
from pathlib import Path

from components.core.contracts.records import Record
from components.core.home import Home
from pipelines.schedule.fires import Fire, Fires, Outcome, folder_of, moment
from pipelines.schedule.schedules import Schedule, read_schedules


class Listed(Record):
    """A schedule as it stands on this machine; `next` is `None` where it is paused or not enabled."""

    name: str
    owner: str
    profile: str
    cron: str
    timezone: str
    only_if_due: bool
    enabled: bool
    paused: bool
    next: str | None
    last_outcome: Outcome | None
    last_run: str | None

    def __str__(self) -> str:
        when = f"next {self.next}" if self.next else "paused" if self.paused else "not enabled"
        last = f", last {self.last_outcome}" if self.last_outcome else ""
        rule = f"{self.cron} {self.timezone}"
        return f"{self.name:<24} {rule:<28} {self.profile:<8} {when}{last}  ({self.owner})"


def listing(folder: Path, home: Home, now: datetime) -> list[Listed]:
    """Return the schedules of a folder by name."""
    fires = Fires(home) if folder_of(home).is_dir() else None  # looking makes nothing
    return [_listed(schedule, fires, now) for schedule in read_schedules(folder)]


def history(home: Home, name: str | None) -> list[Fire]:
    """Return what was started, the newest first."""
    return Fires(home).history(name) if folder_of(home).is_dir() else []


def line_of_fire(fire: Fire) -> str:
    """Write a fire in one line."""
    by = " by hand" if fire.by == "hand" else ""
    what = f"{fire.due}  {fire.schedule:<24} {fire.outcome:<11} {fire.run_id or ''}{by}"
    said = "; ".join(filter(None, (fire.detail, *fire.reasons, *fire.alerts)))
    return f"{what}  {said}".rstrip()


def _listed(schedule: Schedule, fires: Fires | None, now: datetime) -> Listed:
    standing = fires.standing(schedule.name) if fires else None
    last = next(iter(fires.history(schedule.name, newest=1)), None) if fires else None
    paused = bool(standing and standing.paused)
    after = now if standing is None else max(now, datetime.fromtimestamp(standing.settled_s, UTC))
    fire = schedule.rule.next_after(after) if schedule.enabled and not paused else None
    return Listed(
        **schedule.model_dump(include={"name", "owner", "profile", "cron", "timezone", "only_if_due", "enabled"}),
        paused=paused,
        next=moment(fire.timestamp()) if fire else None,
        last_outcome=last.outcome if last else None,
        last_run=last.run_id if last else None,
    )
