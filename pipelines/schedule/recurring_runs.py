"""Recurring runs on a Kubeflow cluster: what of them is ours, and what makes and changes them."""

import re
from collections.abc import Callable
from typing import Any

import kfp_server_api

from components.core.contracts.records import Record, Sha256
from pipelines.cluster.api import Api, Refused
from pipelines.cluster.experiments import experiment, experiment_id

_MARKER = re.compile(r"\[desta schedule (?P<schedule>[a-z][a-z0-9-]*) (?P<digest>[0-9a-f]{64})\]")
_FASTER = (404, 409)
"""Somebody else removed it, or made it, in the meantime."""


class Wanted(Record):
    """A recurring run as a schedule's file asks for it; `digest` is that of all but `enabled`, which can be changed."""

    schedule: str
    owner: str
    cron: str
    concurrency: int
    enabled: bool
    parameters: dict[str, Any]
    pipeline: dict[str, Any]
    pipeline_root: str | None = None
    service_account: str | None = None
    digest: Sha256


class Found(Record):
    """A recurring run of ours as it is on the cluster; `digest` is that of what was wanted when it was made."""

    id: str
    created: str
    schedule: str
    digest: str
    cron: str
    concurrency: int
    no_catchup: bool
    enabled: bool
    parameters: dict[str, Any]


class RecurringRuns:
    """The recurring runs of one experiment; those in it that are not marked as ours are left alone.

    Each of its calls raises SourceError where the cluster cannot be asked, or refuses: `desta schedule apply` goes on
    from what is there.
    """

    def __init__(self, api: Api, experiment: str, namespace: str | None = None) -> None:
        """Name the experiment; nothing is asked of the cluster yet."""
        self._api, self._runs, self._experiment = api, api.recurring_runs, experiment
        self._space = {"namespace": namespace} if namespace else {}

    def found(self) -> list[Found]:
        """Return the recurring runs that schedules of ours made."""
        known = experiment_id(self._api, self._experiment, self._space)
        if known is None:
            return []
        listing = self._runs.recurring_run_service_list_recurring_runs_with_http_info
        listed = self._api.pages(listing, "recurring_runs", experiment_id=known)
        return [ours for run in listed if (ours := _ours(run))]

    def create(self, wanted: Wanted) -> None:
        """Make a recurring run, disabled, so that it cannot fire beside the one that it replaces."""
        body = kfp_server_api.V2beta1RecurringRun(
            display_name=f"desta {wanted.schedule}",
            description=_description(wanted),
            pipeline_spec=wanted.pipeline,
            runtime_config=kfp_server_api.V2beta1RuntimeConfig(
                parameters=wanted.parameters, pipeline_root=wanted.pipeline_root
            ),
            service_account=wanted.service_account,
            trigger=kfp_server_api.V2beta1Trigger(cron_schedule=kfp_server_api.V2beta1CronSchedule(cron=wanted.cron)),
            max_concurrency=str(wanted.concurrency),
            no_catchup=True,
            mode=kfp_server_api.RecurringRunMode.DISABLE,
            experiment_id=experiment(self._api, self._experiment, self._space),
            **self._space,
        )
        self._change(self._runs.recurring_run_service_create_recurring_run_with_http_info, body)

    def enable(self, run_id: str) -> None:
        """Let a recurring run fire."""
        self._change(self._runs.recurring_run_service_enable_recurring_run_with_http_info, run_id)

    def disable(self, run_id: str) -> None:
        """Let a recurring run fire no more."""
        self._change(self._runs.recurring_run_service_disable_recurring_run_with_http_info, run_id)

    def delete(self, run_id: str) -> None:
        """Remove a recurring run."""
        self._change(self._runs.recurring_run_service_delete_recurring_run_with_http_info, run_id)

    def _change(self, call: Callable[..., Any], subject: Any) -> None:
        """Change something; that another process was faster is no error, the next list shows what is."""
        try:
            self._api.call(call, subject)
        except Refused as refused:
            if refused.status not in _FASTER:
                raise


def _description(wanted: Wanted) -> str:
    said = f"Schedule {wanted.schedule} of {wanted.owner}, kept by `desta schedule apply`: changes by hand are undone."
    return f"{said} [desta schedule {wanted.schedule} {wanted.digest}]"


def _ours(run: Any) -> Found | None:
    marker = _MARKER.search(run.description or "")
    if not marker:
        return None
    cron = run.trigger.cron_schedule if run.trigger else None
    return Found(
        id=str(run.recurring_run_id),
        created=run.created_at.isoformat() if run.created_at else "",
        schedule=marker["schedule"],
        digest=marker["digest"],
        cron=str(cron.cron) if cron else "",
        concurrency=int(run.max_concurrency or 1),
        no_catchup=bool(run.no_catchup),
        enabled=run.mode == kfp_server_api.RecurringRunMode.ENABLE,
        parameters=dict(run.runtime_config.parameters or {}) if run.runtime_config else {},
    )
