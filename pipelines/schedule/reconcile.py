"""Makes the recurring runs of a cluster equal to the files, by steps of which each can be the last.

What is to be done next follows from the files and the cluster alone, so a killed or failed `apply` is finished by the
next. A new recurring run is made disabled; it fires only after every other of its schedule is gone. Two reconcilers at
once may both make one: both then see both, and keep the same one.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import yaml

from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.contracts.records import Record
from components.core.digests import digest_of
from pipelines.alignment import compile_alignment
from pipelines.schedule.cluster import Found, Wanted
from pipelines.schedule.schedules import Schedule, profile_of

_ROUNDS = 6


class Change(Record):
    """What differs between a file and the cluster, and what makes it equal."""

    schedule: str
    action: Literal["create", "replace", "enable", "disable", "delete", "keep"]
    because: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.schedule:<24} {self.action:<8} {'; '.join(self.because)}"


class Runs(Protocol):
    """Recurring runs that can be listed and changed; see `Cluster`."""

    def found(self) -> list[Found]:
        """Return those of ours."""

    def create(self, wanted: Wanted) -> None:
        """Make one, disabled."""

    def enable(self, run_id: str) -> None:
        """Let one fire."""

    def disable(self, run_id: str) -> None:
        """Let one fire no more."""

    def delete(self, run_id: str) -> None:
        """Remove one."""


def wanted_of(schedules: Sequence[Schedule], zone: str) -> list[Wanted]:
    """Return the recurring runs that schedules ask of a cluster, whose controller counts in one time zone.

    Raises:
        ConfigurationError: a schedule counts in another time zone, or asks for what its profile has not.
    """
    for schedule in schedules:
        if schedule.timezone != zone:
            raise ConfigurationError(
                f"schedule {schedule.name}: timezone: {schedule.timezone}, but a cluster counts all in one zone, here "
                f"{zone}; change the file, or the controller's CRON_SCHEDULE_TIMEZONE and say --cluster-timezone"
            )
    graphs = {which: _compiled(from_published=which) for which in {bool(each.published) for each in schedules}}
    return [_wanted(schedule, graphs[bool(schedule.published)]) for schedule in schedules]


def differences(wanted: Sequence[Wanted], found: Sequence[Found]) -> list[Change]:
    """Say for each schedule, of the files or of the cluster, what differs."""
    by_name = {each.schedule: each for each in wanted}
    names = sorted(by_name.keys() | {each.schedule for each in found})
    return [_difference(name, by_name.get(name), _of(name, found)) for name in names]


def apply(wanted: Sequence[Wanted], runs: Runs) -> list[Change]:
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


def _steps(wanted: Sequence[Wanted], found: Sequence[Found], runs: Runs) -> Iterator[Callable[[], None]]:
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


def _wanted(schedule: Schedule, pipeline: dict[str, Any]) -> Wanted:
    facts: dict[str, Any] = {
        "schedule": schedule.name,
        "owner": schedule.owner,
        "cron": schedule.rule.with_seconds,
        "concurrency": schedule.concurrency,
        "parameters": profile_of(schedule).parameters(schedule.data_revision),
        "pipeline": pipeline,
    }
    return Wanted(**facts, enabled=schedule.enabled, digest=digest_of(facts))


def _compiled(*, from_published: bool) -> dict[str, Any]:
    """Return the graph as Kubeflow takes it inside a recurring run."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pipeline.yaml"
        compile_alignment(file, from_published=from_published)
        documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    if len(documents) == 1:
        return dict(documents[0])
    return {"pipeline_spec": documents[0], "platform_spec": documents[1]}
