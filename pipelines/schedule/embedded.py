"""Schedules on one machine: what is due is started, one run at a time, whatever the clock or a kill does.

APScheduler's cron says when a schedule fires; its own job store would pickle jobs, and its loop reads the clock itself.
Here the state of a schedule is one moment, until which all its fires are settled. So a restart, a machine that slept, a
long run and a clock that jumps are one case: what lies between that moment and now is open.
"""

import fcntl
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Flag
from types import FrameType

from components.core.contracts.errors import ConfigurationError
from components.core.file_digests import state_of
from components.core.home import Home
from pipelines.display import say
from pipelines.lock import is_running
from pipelines.schedule.fires import By, End, Fires, Outcome, Standing, folder_of, moment
from pipelines.schedule.firing import Firing
from pipelines.schedule.schedules import Missed, Schedule, read_schedules

GRACE_S = 60.0
"""A fire that is not older is on time."""
SMALL_JUMP_S = 3 * 3600.0
"""A clock set back by less stands still for the schedules, as cron has it; one set back by more holds at once."""
_POLL_S = 5.0


class Scheduler:
    """Drives the schedules of a folder; everything that it knows survives a kill."""

    def __init__(self, folder: Path, firing: Firing) -> None:
        """Read the schedules; ConfigurationError where one of them is wrong."""
        self._folder, self._firing, self._fires = folder, firing, firing.fires
        self._seen = _files(folder)
        self._schedules = read_schedules(folder)

    def recover(self) -> None:
        """Close the fires that a killed scheduler left: their moments were never settled, and so are open again."""
        end = End(outcome=Outcome.INTERRUPTED, detail="the scheduler was killed; `desta runs` says what it finished")
        for number in self._fires.left_running():
            self._fires.end(number, end, self._firing.now_s())

    def tick(self) -> None:
        """Look at every schedule once, and start what is due; returns when that has ended."""
        self._read_again()
        self._fires.forget_others([schedule.name for schedule in self._schedules])
        for schedule in self._schedules:
            if not self._firing.stop.is_set():
                self._attend(schedule)

    def _read_again(self) -> None:
        """Take up changes of the files; while one of them is wrong, the schedules before it was are driven."""
        files = _files(self._folder)
        if files == self._seen:
            return
        self._seen = files
        try:
            self._schedules = read_schedules(self._folder)
        except ConfigurationError as error:
            say(f"error: {error}; the schedules before this change go on")

    def _attend(self, schedule: Schedule) -> None:
        now_s, standing = self._firing.now_s(), self._fires.standing(schedule.name)
        if standing is None or not _goes_on(schedule, standing, now_s):
            self._fires.settle(schedule.name, _rule(schedule), now_s)
            return
        due_s = self._first_open(schedule, standing.settled_s)
        if due_s is None or due_s > now_s:
            return
        if now_s - due_s > GRACE_S and schedule.on_missed is Missed.SKIP:
            self._miss(schedule, due_s, now_s)
        elif not is_running(self._firing.home):
            self._start(schedule, due_s, now_s)

    def _first_open(self, schedule: Schedule, settled_s: float) -> float | None:
        fire = schedule.rule.next_after(datetime.fromtimestamp(settled_s, UTC))
        while fire and self._fires.settled_already(schedule.name, fire.timestamp()):
            fire = schedule.rule.next_after(fire)
        return fire.timestamp() if fire else None

    def _start(self, schedule: Schedule, due_s: float, now_s: float) -> None:
        """Fire; then all that was due when it began is settled, and what came meanwhile is not.

        A fire that is interrupted because this service ends stays open, and its run is taken up by the next service.
        """
        end = self._firing.fire(schedule, By.SCHEDULE, due_s)
        if end.outcome is not Outcome.INTERRUPTED or not self._firing.stop.is_set():
            self._fires.settle(schedule.name, _rule(schedule), now_s)

    def _miss(self, schedule: Schedule, due_s: float, now_s: float) -> None:
        """Record that nothing was started from a moment on; what is still on time is looked at next."""
        busy = is_running(self._firing.home) or self._fires.was_running(due_s)
        until_s = now_s - GRACE_S
        why = "another run was under way" if busy else "nobody was there to start it"
        number = self._fires.begin(schedule.name, By.SCHEDULE, due_s, now_s)
        detail = f"{why}; skipped what was due from {moment(due_s)} to {moment(until_s)}"
        self._fires.end(number, End(outcome=Outcome.MISSED, detail=detail), now_s)
        self._fires.settle(schedule.name, _rule(schedule), until_s)
        say(f"schedule {schedule.name}: {detail}")


def serve(folder: Path, home: Home, stop: Flag) -> None:
    """Drive the schedules until `stop` is set; the run that goes on then is interrupted, and taken up by the next.

    Raises:
        ConfigurationError: a schedule is wrong, or this home has such a service already.
    """
    with _only_service(home):
        scheduler = Scheduler(folder, Firing(home=home, fires=Fires(home), stop=stop))
        scheduler.recover()
        say(f"schedules of {folder} are driven in {home.root}; Ctrl-C ends it")
        while not stop.is_set():
            scheduler.tick()
            stop.wait(_POLL_S)


@contextmanager
def until_told() -> Iterator[Flag]:
    """Yield a flag that SIGTERM, Ctrl-C and a closed terminal set, instead of ending this process in the middle."""
    stop = Flag()

    def told(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _only_service(home: Home) -> Iterator[None]:
    lock = folder_of(home) / "service.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"{lock}: another `desta schedule run` drives this home; end it, or name another with DESTA_HOME"
            ) from error
        yield


def _files(folder: Path) -> dict[str, str]:
    """Return what the file system says of the files, so that only changed ones are read again."""
    return {file.name: state_of(file.stat()) for file in folder.glob("*.y*ml") if file.is_file()}


def _goes_on(schedule: Schedule, standing: Standing, now_s: float) -> bool:
    """Tell whether what was open of a schedule still is: else it begins anew, and makes up for nothing."""
    same = standing.rule == _rule(schedule) and now_s >= standing.settled_s - SMALL_JUMP_S
    return same and schedule.enabled and not standing.paused


def _rule(schedule: Schedule) -> str:
    """Return what decides when it fires: another rule holds from now on, and makes up for nothing."""
    return f"{schedule.cron} {schedule.timezone}"
