"""A machine for the embedded scheduler, with a clock that tests set and runs that take as long as they say."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Flag

from components.core.home import Home
from pipelines.profiles import Profile
from pipelines.schedule.due import Due, Reason, Verdict
from pipelines.schedule.embedded import Scheduler
from pipelines.schedule.fires import Fires, Outcome
from pipelines.schedule.firing import Firing
from pipelines.schedule.launch import Ended
from pipelines.schedule.schedules import Schedule

CHANGED = Verdict(due=True, reasons=(Reason(kind=Due.NEW_CLIPS, text="ingest_audio: corpus mine changed"),))
NOTHING = Verdict(due=False, reasons=())


@dataclass
class Machine:
    """A machine whose clock the test sets, and whose runs take the time that the test says."""

    home: Home
    folder: Path
    time: datetime = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
    minutes: float = 10
    ended: Ended = field(default_factory=lambda: Ended(0, "r1", None))
    verdict: Verdict = CHANGED
    ran: list[str] = field(default_factory=list)
    during: Callable[[], None] = lambda: None
    stop: Flag = field(default_factory=Flag)

    def now(self) -> datetime:
        return self.time

    def launch(self, schedule: Schedule, home: Home, files: Path, stop: Flag) -> Ended:
        del home, files, stop
        self.ran.append(f"{schedule.name} {self.time:%dT%H:%M}")
        self.during()
        self.time += timedelta(minutes=self.minutes)
        return self.ended

    def judge(self, profile: Profile, home: Home) -> Verdict:
        del profile, home
        return self.verdict

    def start(self) -> Scheduler:
        """Start the service anew, as after a restart."""
        self.stop.clear()
        fires = Fires(self.home)
        scheduler = Scheduler(
            self.folder,
            Firing(home=self.home, fires=fires, stop=self.stop, clock=self, launch=self.launch, judge=self.judge),
        )
        scheduler.recover()
        scheduler.tick()
        return scheduler

    def until(self, scheduler: Scheduler, time: str, *, minutes: float = 0.5) -> None:
        """Let the clock go on to a time such as `30T03:00`, with a tick after each step."""
        day, _, clock = time.partition("T")
        end = self.time.replace(day=int(day), hour=int(clock[:2]), minute=int(clock[3:]))
        while self.time < end:
            self.time += timedelta(minutes=minutes)
            scheduler.tick()

    def history(self) -> list[tuple[str, Outcome]]:
        return [(f"{fire.due[8:16]}", fire.outcome) for fire in reversed(Fires(self.home).history())]
