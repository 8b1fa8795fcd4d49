"""Makes the recurring runs of a cluster equal to the files, by steps of which each can be the last.

What is to be done next follows from the files and the cluster alone, so a killed or failed `apply` is finished by the
next. A new recurring run is made disabled; it fires only after every other of its schedule is gone. Two reconcilers at
once may both make one: both then see both, and keep the same one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Record
from pipelines.schedule.recurring_runs import Found, RecurringRuns, Wanted

_ROUNDS = 6


class Change(Record):
    """What differs between a file and the cluster, and what makes it equal."""

    schedule: str
    action: Literal["create", "replace", "enable", "disable", "delete", "keep"]
    because: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.schedule:<24} {self.action:<8} {'; '.join(self.because)}"


def differences(wanted: Sequence[Wanted], found: Sequence[Found]) -> list[Change]:
    """Say for each schedule, of the files or of the cluster, what differs."""
    by_name = {each.schedule: each for each in wanted}
    names = sorted(by_name.keys() | {each.schedule for each in found})
    return [_difference(name, by_name.get(name), _of(name, found)) for name in names]


def apply(wanted: Sequence[Wanted], runs: RecurringRuns) -> list[Change]:
    """Make the cluster equal to what is wanted, and return what differed.

    Raises:
        SourceError: the cluster cannot be asked, or another process changes it all the time.
    """
    found = runs.found()
    changes = differences(wanted, found)
    for _ in range(_ROUNDS):
        steps = list(_steps(wanted, found, runs))
        if not steps:
            return changes
        for step in steps:
            step()
        found = runs.found()
    raise SourceError(f"the cluster still differs after {_ROUNDS} rounds: another process changes it; try again later")


def _steps(wanted: Sequence[Wanted], found: Sequence[Found], runs: RecurringRuns) -> Iterator[Callable[[], None]]:
    """Yield what can be done without looking again: after a new one is made, the cluster is looked at first."""
    by_name = {each.schedule: each for each in wanted}
    for name in sorted(by_name.keys() | {each.schedule for each in found}):
        want, there = by_name.get(name), _of(name, found)
        kept = _kept(want, there)
        if want and not kept:
            yield partial(runs.create, want)
            continue
        yield from (partial(runs.delete, run.id) for run in there if run is not kept)
        if want and kept and want.enabled != kept.enabled:
            yield partial(runs.enable if want.enabled else runs.disable, kept.id)


def _of(name: str, found: Sequence[Found]) -> list[Found]:
    """Return the recurring runs of a schedule in an order that is the same for every reconciler."""
    return sorted((each for each in found if each.schedule == name), key=lambda each: (each.created, each.id))


def _kept(want: Wanted | None, there: Sequence[Found]) -> Found | None:
    """Return the one that is as it should be; of several the oldest."""
    return next((run for run in there if want and not list(_unlike(want, run))), None)


def _difference(name: str, want: Wanted | None, there: Sequence[Found]) -> Change:
    if want is None:
        return Change(schedule=name, action="delete", because=("no file asks for it",))
    if not there:
        return Change(schedule=name, action="create", because=("the cluster has none",))
    kept = _kept(want, there)
    if kept is None:
        return Change(schedule=name, action="replace", because=tuple(_unlike(want, there[-1])))
    more = len(there) - 1
    because = (f"{more} more of the same name, which go",) if more else ()
    if want.enabled == kept.enabled:
        return Change(schedule=name, action="replace" if more else "keep", because=because)
    state = f"is {'enabled' if kept.enabled else 'disabled'} on the cluster"
    return Change(schedule=name, action="enable" if want.enabled else "disable", because=(state, *because))


def _unlike(want: Wanted, run: Found) -> Iterator[str]:
    """Say what of a recurring run is not as it should be, but for whether it is enabled."""
    facts: Mapping[str, tuple[Any, Any]] = {
        "cron": (run.cron, want.cron),
        "concurrency": (run.concurrency, want.concurrency),
        "no_catchup": (run.no_catchup, True),
        "parameters": (run.parameters, want.parameters),
    }
    by_hand = " (changed by hand)" if run.digest == want.digest else ""
    changed = False
    for name, (is_now, should_be) in facts.items():
        if is_now != should_be:
            changed = True
            yield f"{name}{by_hand}: {_short(is_now, should_be)}"
    if not changed and run.digest != want.digest:
        yield "the pipeline, its code or the owner changed"


def _short(is_now: Any, should_be: Any) -> str:
    """Write two values; of two mappings the names that differ, their values may be long."""
    if isinstance(is_now, dict):
        return ", ".join(sorted(key for key in is_now.keys() | should_be if is_now.get(key) != should_be.get(key)))
    return f"{is_now} → {should_be}"
