"""What tests of the reconciler ask of a Kubeflow, and see there."""

from typing import Any

from components.core.home import current_home
from pipelines.cluster.api import Api, token_of
from pipelines.schedule.reconcile import Change
from pipelines.schedule.recurring_runs import RecurringRuns, Wanted
from pipelines.schedule.schedules import Schedule
from pipelines.schedule.wanted import wanted_of
from tests.pipelines.schedule.kubeflow import Kubeflow
from tests.pipelines.schedule.making import make_schedule


def runs_at(host: str, experiment: str) -> RecurringRuns:
    return RecurringRuns(Api(host, token_of(None, None)), experiment)


def wanted_runs(*schedules: Schedule) -> list[Wanted]:
    return wanted_of(schedules or (make_schedule(),), "UTC", current_home())


def actions(changes: list[Change]) -> dict[str, str]:
    return {change.schedule: change.action for change in changes}


def only(kubeflow: Kubeflow) -> dict[str, Any]:
    (run,) = kubeflow.runs.values()
    return run
