"""Recurring runs on a Kubeflow cluster: what of them is ours, and the calls that make and change them."""

import json
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import kfp_server_api
import urllib3
from kfp_server_api import ApiException

from components.core.callers import Caller
from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.contracts.records import Record, Sha256

TOKEN_VARIABLE = "KFP_TOKEN"
"""The environment variable with the token that a cluster wants."""
_CALLER = Caller(name="schedule", setting="KFP_HOST", key_variable=TOKEN_VARIABLE)
_TIMEOUTS_S = (10.0, 60.0)  # to connect, and for an answer
_PAGE = 100
_MARKER = re.compile(r"\[desta schedule (?P<schedule>[a-z][a-z0-9-]*) (?P<digest>[0-9a-f]{64})\]")
_GONE, _THERE_ALREADY = 404, 409


class Wanted(Record):
    """A recurring run as a schedule's file asks for it; `digest` is that of all but `enabled`, which can be changed."""

    schedule: str
    owner: str
    cron: str
    concurrency: int
    enabled: bool
    parameters: dict[str, Any]
    pipeline: dict[str, Any]
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


class Cluster:
    """The recurring runs of one experiment; those in it that are not marked as ours are left alone."""

    def __init__(self, host: str, experiment: str, namespace: str | None = None) -> None:
        """Name a cluster; nothing is asked of it yet. ConfigurationError for what is no address."""
        configuration = kfp_server_api.Configuration(host=_CALLER.address(host))
        configuration.retries = False  # what a server did or did not do is seen in the next list
        if token := os.environ.get(TOKEN_VARIABLE):
            configuration.api_key = {"authorization": token}
            configuration.api_key_prefix = {"authorization": "Bearer"}
        api = kfp_server_api.ApiClient(configuration)
        self._host, self._name, self._namespace = host, experiment, namespace
        self._runs = kfp_server_api.RecurringRunServiceApi(api)
        self._experiments = kfp_server_api.ExperimentServiceApi(api)

    def found(self) -> list[Found]:
        """Return the recurring runs that schedules of ours made.

        Raises:
            SourceError: the cluster cannot be asked.
        """
        experiment = self._experiment_id()
        return [ours for run in self._listed(experiment) if (ours := _ours(run))] if experiment else []

    def create(self, wanted: Wanted) -> None:
        """Make a recurring run, disabled, so that it cannot fire beside the one that it replaces.

        Raises:
            SourceError: the cluster does not make it, or does not say whether it did.
        """
        body = kfp_server_api.V2beta1RecurringRun(
            display_name=f"desta {wanted.schedule}",
            description=_description(wanted),
            pipeline_spec=wanted.pipeline,
            runtime_config=kfp_server_api.V2beta1RuntimeConfig(parameters=wanted.parameters),
            trigger=kfp_server_api.V2beta1Trigger(cron_schedule=kfp_server_api.V2beta1CronSchedule(cron=wanted.cron)),
            max_concurrency=str(wanted.concurrency),
            no_catchup=True,
            mode=kfp_server_api.RecurringRunMode.DISABLE,
            experiment_id=self._experiment_id() or self._made_experiment(),
            namespace=self._namespace,
        )
        self._call(self._runs.recurring_run_service_create_recurring_run_with_http_info, recurring_run=body)

    def enable(self, run_id: str) -> None:
        """Let a recurring run fire; see `delete`."""
        self._call(self._runs.recurring_run_service_enable_recurring_run_with_http_info, recurring_run_id=run_id)

    def disable(self, run_id: str) -> None:
        """Let a recurring run fire no more; see `delete`."""
        self._call(self._runs.recurring_run_service_disable_recurring_run_with_http_info, recurring_run_id=run_id)

    def delete(self, run_id: str) -> None:
        """Remove a recurring run; that another process was faster is no error, the next list shows what is.

        Raises:
            SourceError: the cluster refuses, or cannot be asked.
        """
        self._call(self._runs.recurring_run_service_delete_recurring_run_with_http_info, recurring_run_id=run_id)

    def _listed(self, experiment: str) -> Iterator[Any]:
        page = ""
        while True:
            answer = self._call(
                self._runs.recurring_run_service_list_recurring_runs_with_http_info,
                page_token=page,
                page_size=_PAGE,
                experiment_id=experiment,
            )
            yield from answer.recurring_runs or ()
            page = answer.next_page_token or ""
            if not page:
                return

    def _experiment_id(self) -> str | None:
        named = {"operation": "EQUALS", "key": "display_name", "stringValue": self._name}
        asked = {"filter": json.dumps({"predicates": [named]}), "page_size": _PAGE}
        if self._namespace:
            asked["namespace"] = self._namespace
        answer = self._call(self._experiments.experiment_service_list_experiments_with_http_info, **asked)
        return next((str(found.experiment_id) for found in answer.experiments or ()), None)

    def _made_experiment(self) -> str:
        body = kfp_server_api.V2beta1Experiment(display_name=self._name, namespace=self._namespace)
        self._call(self._experiments.experiment_service_create_experiment_with_http_info, experiment=body)
        if made := self._experiment_id():
            return made
        raise SourceError(f"{self._host}: experiment {self._name!r} was made and is not there; try again")

    def _call(self, call: Callable[..., Any], **values: Any) -> Any:
        """Ask the cluster; that something is there or gone already is for the next list to tell."""
        try:
            answer, _, headers = call(**values, _request_timeout=_TIMEOUTS_S)
        except ApiException as error:
            if error.status in {_GONE, _THERE_ALREADY} and "_list_" not in call.__name__:
                return None
            said = " ".join(str(error.body or "").split())[:200]
            raise SourceError(f"{self._host}: {error.status} {error.reason}: {said}; {_THEN}") from error
        except urllib3.exceptions.HTTPError as error:
            raise SourceError(f"{self._host}: {' '.join(str(error).split())[:200]}; {_THEN}") from error
        # A page for people, such as that of a login, would read as an empty list.
        if "json" not in headers.get("Content-Type", ""):
            raise SourceError(f"{self._host}: answers, but not as Kubeflow Pipelines' API; mend the address")
        return answer


_THEN = "run `desta schedule apply` again: it goes on from what is there"


def host_of(given: str | None) -> str:
    """Return the address of the cluster.

    Raises:
        ConfigurationError: none was given.
    """
    if host := given or os.environ.get("KFP_HOST"):
        return host
    raise ConfigurationError("--host: want the address of Kubeflow Pipelines' API here or in KFP_HOST")


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
