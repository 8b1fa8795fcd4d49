"""What schedules ask of a cluster: each a recurring run, whose runs are asked for as `desta submit` asks for one."""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from components.core.contracts.errors import ConfigurationError
from components.core.digests import digest_of
from components.core.home import Home
from pipelines.alignment import compile_alignment
from pipelines.cluster.budget import capped
from pipelines.cluster.devices import counted
from pipelines.cluster.graph import compile_on
from pipelines.cluster.profile import ClusterProfile, read_profile
from pipelines.cluster.submitting import parameters_on, placed_on
from pipelines.cost.budget import asked_budget
from pipelines.images.compiled import pushed_for_a_cluster
from pipelines.schedule.recurring_runs import Wanted
from pipelines.schedule.schedules import Schedule, profile_of


def wanted_of(schedules: Sequence[Schedule], zone: str, home: Home) -> list[Wanted]:
    """Return the recurring runs that schedules ask of a cluster, whose controller counts in one time zone.

    Raises:
        ConfigurationError: a schedule counts in another time zone, asks for what its profile has not, or has a budget
            that no cluster keeps; or images of its cluster were not pushed.
    """
    for schedule in schedules:
        if schedule.timezone != zone:
            raise ConfigurationError(
                f"schedule {schedule.name}: timezone: {schedule.timezone}, but a cluster counts all in one zone, here "
                f"{zone}; change the file, or the controller's CRON_SCHEDULE_TIMEZONE and say --cluster-timezone"
            )
    return [_wanted(schedule, home) for schedule in schedules]


def _wanted(schedule: Schedule, home: Home) -> Wanted:
    facts: dict[str, Any] = {
        "schedule": schedule.name,
        "owner": schedule.owner,
        "cron": schedule.rule.with_seconds,
        "concurrency": schedule.concurrency,
        **_run_of(schedule, home),
    }
    return Wanted(**facts, enabled=schedule.enabled, digest=digest_of(facts))


def _run_of(schedule: Schedule, home: Home) -> dict[str, Any]:
    """Return what a run is asked for; on a cluster whose profile is known, as `desta submit` asks for it."""
    profile = profile_of(schedule)
    cluster = _cluster_of(schedule, home)
    if cluster is None:
        graph = _compiled(lambda file: compile_alignment(file, from_published=bool(schedule.published)))
        return {"parameters": profile.parameters(schedule.data_revision), "pipeline": graph}
    images = pushed_for_a_cluster(home)
    return {
        "parameters": parameters_on(placed_on(profile, cluster), cluster, schedule.data_revision),
        "pipeline": _compiled(lambda file: compile_on(cluster, file, images=images)),
        "pipeline_root": cluster.pipeline_root,
        "service_account": cluster.service_account,
    }


def _cluster_of(schedule: Schedule, home: Home) -> ClusterProfile | None:
    """Return the profile that a schedule names, with the time-outs of its budget."""
    limits = argparse.Namespace(budget=schedule.budget, max_device_hours=schedule.max_device_hours)
    if schedule.cluster_file is None:
        if given := next((name for name, limit in vars(limits).items() if limit is not None), None):
            raise ConfigurationError(
                f"schedule {schedule.name}: {given}: a cluster keeps it by the time-outs of its profile; name that "
                "file as `cluster`, or leave it out"
            )
        return None
    cluster = read_profile(schedule.cluster_file)
    budget = asked_budget(limits, lambda: counted(cluster), home)
    return capped(cluster, budget) if budget else cluster


def _compiled(write: Callable[[Path], None]) -> dict[str, Any]:
    """Return a graph as Kubeflow takes it inside a recurring run."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pipeline.yaml"
        write(file)
        documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    if len(documents) == 1:
        return dict(documents[0])
    return {"pipeline_spec": documents[0], "platform_spec": documents[1]}
