"""What tasks of a run on a cluster printed.

The generated client has no call for it: the server answers it apart from its API, under the address that its own pages
use. It reads a pod's log while the pod is there, and an archive after that where the cluster keeps one.
"""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

import urllib3

from components.core.contracts.errors import SourceError
from pipelines.cluster.api import TIMEOUTS_S, Api, explained, refusal
from pipelines.cluster.standing import Run, Task

_NO_LOG = {404, 500}  # what the server answers for a pod that it does not find


class NoLog(SourceError):
    """The cluster has no log of a task (any more)."""


def tasks_named(run: Run, name: str | None) -> Sequence[Task]:
    """Return the tasks of a run that have this name, or all.

    Raises:
        SourceError: it has none of that name, or none at all.
    """
    found = [task for task in run.tasks if name in {None, task.name}]
    if not found:
        if not run.tasks:
            raise SourceError(f"run {run.run_id}: no task has begun, the run is {run.state.lower()}; try again later")
        there = ", ".join(dict.fromkeys(task.name for task in run.tasks))
        raise SourceError(f"run {run.run_id}: no task {name}; there are: {there}")
    return found


def log_lines(api: Api, run: Run, task: Task, *, follow: bool) -> Iterator[str]:
    """Yield what a task printed, line by line; with `follow` until it ends.

    Raises:
        NoLog: the cluster has none of it (any more).
        SourceError: the cluster refuses, or cannot be asked.
    """
    told = False
    for pod in task.pods:
        for line in _of_pod(api, run.run_id, pod, follow=follow):
            told = True
            yield line
    if not told:
        raise NoLog(
            f"{task.name}: {api.host} has no log of it: its pods have not begun, or are gone without an archive;"
            " `kubectl logs` may have more"
        )


def _of_pod(api: Api, run_id: str, pod: str, *, follow: bool) -> Iterator[str]:
    url = f"{api.host}/apis/v1alpha1/runs/{quote(run_id, safe='')}/nodes/{quote(pod, safe='')}/log"
    headers: dict[str, str] = {}
    api.client.update_params_for_auth(headers, [], ["Bearer"])
    connect_s, answer_s = TIMEOUTS_S
    timeout = urllib3.Timeout(connect=connect_s, read=None if follow else answer_s)
    with_explanation = explained(api.host)
    pool = api.client.rest_client.pool_manager
    response = with_explanation(
        lambda: pool.request(
            "GET",
            url,
            fields={"follow": "true"} if follow else None,
            headers=headers,
            timeout=timeout,
            preload_content=False,
            retries=False,
        )
    )
    try:
        if response.status in _NO_LOG:
            return
        if response.status != 200:
            raise refusal(api.host, response.status, with_explanation(response.read).decode(errors="replace"))
        lines = iter(response)
        while (line := with_explanation(lambda: next(lines, None))) is not None:
            yield line.decode(errors="replace").rstrip("\n")
    finally:
        response.close()
