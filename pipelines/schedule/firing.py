"""One fire of a schedule, from the question whether it is due to the alerts about its run."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Flag
from typing import Protocol

from components.core.contracts.errors import DestaError, ExitCode
from components.core.home import Home
from pipelines.display import say
from pipelines.profiles import Profile
from pipelines.schedule.alerting import Event
from pipelines.schedule.alerts import Notice, send
from pipelines.schedule.due import Verdict, verdict_of
from pipelines.schedule.fires import By, End, Fires, Outcome, folder_of, moment
from pipelines.schedule.launch import Ended, launch
from pipelines.schedule.schedules import Schedule, check_revision, profile_of
from pipelines.status import run_dir_of, status_of
from pipelines.summary import drift_of

_OUTCOMES: Mapping[int, Outcome] = {
    ExitCode.DONE: Outcome.SUCCEEDED,
    ExitCode.REFUSED: Outcome.REFUSED,
    ExitCode.INTERRUPTED: Outcome.INTERRUPTED,
}
_EVENTS = {Outcome.FAILED: Event.FAILURE, Outcome.REFUSED: Event.REFUSAL}


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """Return the time, in UTC."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Firing:
    """All that it takes to fire a schedule: where it runs, who starts it and who tells whether it is due."""

    home: Home
    fires: Fires
    stop: Flag
    clock: Clock = field(default_factory=SystemClock)
    launch: Callable[[Schedule, Home, Path, Flag], Ended] = launch
    judge: Callable[[Profile, Home], Verdict] = verdict_of

    def now_s(self) -> float:
        """Return the time in Unix seconds."""
        return self.clock.now().timestamp()

    def fire(self, schedule: Schedule, by: By, due_s: float) -> End:
        """Run what a schedule asks for, if it is due or asked for by hand; record it, and tell whom it concerns."""
        number = self.fires.begin(schedule.name, by, due_s, self.now_s())
        end = self._run(schedule, by, folder_of(self.home) / str(number))
        self.fires.end(number, end, self.now_s())
        say(f"schedule {schedule.name}: {line_of(end)}")
        alerts = tuple(self._alerts(schedule, end))
        for line in alerts:
            say(f"schedule {schedule.name}: {line}")
        self.fires.tell(number, alerts)
        return end

    def _run(self, schedule: Schedule, by: By, files: Path) -> End:
        try:
            profile = profile_of(schedule)
            check_revision(schedule, profile, self.home)
            verdict = self.judge(profile, self.home)
        except DestaError as error:
            return End(outcome=Outcome.FAILED, detail=str(error))
        if not verdict.due and schedule.only_if_due and by is By.SCHEDULE:
            return End(outcome=Outcome.NOT_DUE)
        reasons = tuple(map(str, verdict.reasons))
        return self._end(self.launch(schedule, self.home, files, self.stop), reasons)

    def _end(self, ended: Ended, reasons: tuple[str, ...]) -> End:
        outcome = _OUTCOMES.get(ended.exit_code, Outcome.FAILED)
        if outcome is Outcome.FAILED and self.stop.is_set():
            outcome = Outcome.INTERRUPTED
        detail = None if outcome is Outcome.SUCCEEDED else ended.error
        if outcome is Outcome.FAILED and ended.exit_code < 0:
            detail = f"the run was killed by signal {-ended.exit_code}"
        return End(outcome=outcome, reasons=reasons, run_id=ended.run_id, detail=detail)

    def _alerts(self, schedule: Schedule, end: End) -> Iterator[str]:
        if not schedule.alerts:
            return
        if event := _EVENTS.get(end.outcome):
            yield from self._tell(schedule, end, event, (end.detail or "no reason is known",))
        if lines := self._drift(end.run_id):
            yield from self._tell(schedule, end, Event.DRIFT, lines)

    def _tell(self, schedule: Schedule, end: End, event: Event, lines: tuple[str, ...]) -> tuple[str, ...]:
        notice = Notice(
            event=event,
            schedule=schedule.name,
            owner=schedule.owner,
            run_id=end.run_id,
            lines=lines,
            at=moment(self.now_s()),
        )
        return send(schedule.alerts, notice) if schedule.alerts else ()

    def _drift(self, run_id: str | None) -> tuple[str, ...]:
        """Return what a run found of drift; what an earlier one found and it only took over is no news."""
        if run_id is None:
            return ()
        status = status_of(run_dir_of(self.home, run_id))
        return () if status.stages["validate_data"].reused else tuple(drift_of(status))


def line_of(end: End) -> str:
    """Write how a fire ended."""
    run = f", run {end.run_id}" if end.run_id else ""
    return f"{end.outcome}{run}{f': {end.detail}' if end.detail else ''}"
