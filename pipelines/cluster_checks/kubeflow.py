"""Whether Kubeflow Pipelines answers, is new enough, and takes runs of the caller in the namespace."""

import re
from collections.abc import Iterator
from functools import partial

from components.core.contracts.errors import DestaError, SourceError
from pipelines.cluster.api import Api, Refused
from pipelines.cluster.profile import ClusterProfile
from pipelines.cluster_checks.asking import Json
from pipelines.cluster_checks.checks import Verdict, doubtful, lacking, well
from pipelines.findings import Finding

OLDEST = (2, 17)
"""Before it, users of a cluster could reach what is others'."""


def health_of(api: Api) -> Json:
    """Return what Kubeflow says of itself; the generated call would drop the version.

    Raises:
        SourceError: it cannot be asked, or this is no Kubeflow Pipelines.
    """
    ask = partial(api.client.call_api, "/apis/v2beta1/healthz", "GET", response_type="object", auth_settings=["Bearer"])
    health = api.call(ask)
    if not isinstance(health, dict):
        raise SourceError(f"{api.host}: answers, but not as Kubeflow Pipelines' API; mend the address")
    return health


def kubeflow_findings(api: Api, cluster: ClusterProfile, health: Json) -> Iterator[Finding]:
    """Return what there is to say of a Kubeflow that answers."""
    yield Finding("kubeflow", *version(str(health.get("tag_name", "unknown"))))
    yield Finding("users", *users(cluster.namespace, several=bool(health.get("multi_user"))))
    yield Finding("runs", *_runs(api, cluster))


def version(said: str) -> Verdict:
    """Judge the version that Kubeflow says it is; one that was built by hand may not know."""
    oldest = ".".join(map(str, OLDEST))
    found = re.match(r"v?(\d+)\.(\d+)", said)
    if not found:
        return doubtful(f"it does not tell its version ({said})", f"look that its image is {oldest} or newer")
    if tuple(map(int, found.groups())) < OLDEST:
        return lacking(f"{said} is older than {oldest}", "upgrade it: before it, users reach what is others'")
    return well(said)


def users(namespace: str, *, several: bool) -> Verdict:
    """Judge whether runs are made in the namespace of the profile."""
    if several:
        return well("several, each in their own namespace")
    return doubtful(
        f"it has one user, so it makes runs in its own namespace, and in {namespace} only if it is installed there",
        f"install it for several users, or into {namespace}",
    )


def _runs(api: Api, cluster: ClusterProfile) -> Verdict:
    try:
        space = api.namespace(cluster.namespace)
        answer = api.call(api.runs.run_service_list_runs_with_http_info, page_size=1, **space)
    except Refused as refused:
        return lacking(str(refused), f"you need Kubeflow's role kubeflow-pipelines-edit in {cluster.namespace}")
    except DestaError as fault:
        return lacking(str(fault), "see what it says, and run this again")
    return well(f"you see those of {cluster.namespace}, {answer.total_size or 0} so far")
