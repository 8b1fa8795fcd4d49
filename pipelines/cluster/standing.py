"""How a run on a cluster stands: its tasks, its end, and the exit code that this is."""

import time
from collections.abc import Callable
from typing import Any

from components.core.contracts.errors import ExitCode, SourceError
from components.core.contracts.records import Record
from components.core.runs import State
from pipelines.cluster.api import Api, Unavailable
from pipelines.cluster.experiments import experiment_id
from pipelines.cluster.profile import ClusterProfile

ENDS = {"SUCCEEDED": ExitCode.DONE, "FAILED": ExitCode.FAILED, "CANCELED": ExitCode.INTERRUPTED}
_POLL_S = 5.0
_PATIENCE = 12
"""So many failures in a row that may pass end the waiting: a minute of an API server that starts again."""


class Task(Record):
    """A task of a run, and the pods that did it, as far as the cluster still knows."""

    task_id: str
    name: str
    state: str
    error: str | None
    pods: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name:<20} {self.state.lower()}{f': {self.error}' if self.error else ''}"


class Run(Record):
    """A run on a cluster; `state` is Kubeflow's word for it, `ended` and `code` are that of its last task, if known."""

    run_id: str
    name: str
    state: str
    error: str | None
    created: str
    tasks: tuple[Task, ...]
    ended: State | None = None
    code: int | None = None

    @property
    def exit_code(self) -> int | None:
        """How its command ends, or `None` while it goes on."""
        return ENDS.get(self.state) if self.code is None else self.code

    def __str__(self) -> str:
        end = f": {self.error}" if self.error else ""
        state = self.ended or self.state.lower()
        return "\n".join([f"run {self.run_id} ({self.name}) {state}{end}", *(f"  {t}" for t in self.tasks)])


def run_on(api: Api, run_id: str) -> Run:
    """Return how a run stands.

    Raises:
        SourceError: there is none of that id, or the cluster cannot be asked.
    """
    return _run(api.call(api.runs.run_service_get_run_with_http_info, run_id))


def newest_run(api: Api, cluster: ClusterProfile) -> Run:
    """Return the newest run of the cluster's experiment.

    Raises:
        SourceError: it has none, or the cluster cannot be asked.
    """
    space = api.namespace(cluster.namespace)
    if experiment := experiment_id(api, cluster.experiment, space):
        answer = api.call(
            api.runs.run_service_list_runs_with_http_info,
            experiment_id=experiment,
            page_size=1,
            sort_by="created_at desc",
            **space,
        )
        if answer.runs:
            return run_on(api, str(answer.runs[0].run_id))
    raise SourceError(f"{api.host}: experiment {cluster.experiment} has no runs; start one with `desta submit`")


def cancel(api: Api, run_id: str) -> None:
    """Ask the cluster to end a run.

    Raises:
        SourceError: there is none of that id, it has ended, or the cluster cannot be asked.
    """
    run = run_on(api, run_id)
    if run.exit_code is not None:
        raise SourceError(f"run {run_id}: has ended ({run.state.lower()}); there is nothing to cancel")
    api.call(api.runs.run_service_terminate_run_with_http_info, run_id)


def wait_for(api: Api, run_id: str, say: Callable[[str], None]) -> Run:
    """Say what changes until a run has ended, and return how it did.

    Raises:
        SourceError: the cluster cannot be asked any more; the run goes on.
    """
    shown: dict[str, str] = {}
    failures = 0
    while True:
        try:
            run, failures = run_on(api, run_id), 0
        except Unavailable as error:
            failures += 1
            if failures >= _PATIENCE:
                raise SourceError(f"{error}; the run may go on: `desta status {run_id} --cluster …`") from error
        else:
            for task in run.tasks:
                if shown.get(task.task_id) != task.state:
                    shown[task.task_id] = task.state
                    say(str(task))
            if run.exit_code is not None:
                return run
        time.sleep(_POLL_S)


def _run(run: Any) -> Run:
    details = (run.run_details.task_details if run.run_details else None) or ()
    return Run(
        run_id=str(run.run_id),
        name=str(run.display_name),
        state=str(run.state or "PENDING"),
        error=_message(run.error),
        created=run.created_at.isoformat() if run.created_at else "",
        tasks=tuple(_task(detail) for detail in details if _is_ours(detail)),
    )


def _is_ours(detail: Any) -> bool:
    """Leave out what Kubeflow adds to a graph: drivers, executors and the graph itself."""
    name = str(detail.display_name or "")
    return bool(name) and not name.endswith("-driver") and name not in {"driver", "executor", "root"}


def _task(detail: Any) -> Task:
    pods = [detail.pod_name, *(child.pod_name for child in detail.child_tasks or ())]
    return Task(
        task_id=str(detail.task_id or detail.display_name),
        name=str(detail.display_name),
        state=str(detail.state or "PENDING"),
        error=_message(detail.error),
        pods=tuple(dict.fromkeys(pod for pod in pods if pod)),
    )


def _message(error: Any) -> str | None:
    return " ".join(str(error.message).split()) or None if error and error.message else None
