"""What `desta doctor --cluster` says of a cluster: both of its APIs, each asked whether or not the other answers."""

import re
from collections.abc import Callable

from components.core.contracts.errors import DestaError
from pipelines.cluster.api import Api
from pipelines.cluster.profile import ClusterProfile
from pipelines.cluster_checks.asking import Kubernetes
from pipelines.cluster_checks.checks import Check, Verdict, doubtful, examined, well
from pipelines.cluster_checks.images import image_checks
from pipelines.cluster_checks.kubeflow import health_of, kubeflow_findings
from pipelines.cluster_checks.names import named_checks
from pipelines.cluster_checks.network import network_checks
from pipelines.cluster_checks.rights import rights_checks
from pipelines.cluster_checks.room import room_checks
from pipelines.cluster_checks.services import service_checks
from pipelines.findings import Finding, State

TRIED = ((1, 36), (1, 37))
"""The versions of Kubernetes whose schemas the manifests are held to."""


def diagnose(
    cluster: ClusterProfile, kubeflow: Callable[[], Api], kubernetes: Callable[[], Kubernetes]
) -> list[Finding]:
    """Examine a cluster and return what was found; what names it is called here, since either may not be there."""
    several, findings = _of_kubeflow(cluster, kubeflow)
    return [*findings, *_of_kubernetes(cluster, kubernetes, several=several)]


def _of_kubeflow(cluster: ClusterProfile, connect: Callable[[], Api]) -> tuple[bool, list[Finding]]:
    try:
        api = connect()
        health = health_of(api)
    except DestaError as fault:
        return True, [_unreached("kubeflow", fault)]
    return bool(health.get("multi_user")), list(kubeflow_findings(api, cluster, health))


def _of_kubernetes(cluster: ClusterProfile, connect: Callable[[], Kubernetes], *, several: bool) -> list[Finding]:
    try:
        kubernetes = connect()
        running = kubernetes.version()
    except DestaError as fault:
        return [_unreached("kubernetes", fault)]
    checks = checks_of(cluster, several=several)
    return [Finding("kubernetes", *version(running)), *examined(checks, kubernetes)]


def checks_of(cluster: ClusterProfile, *, several: bool) -> list[Check]:
    """Return the checks of what Kubernetes has; a Kubeflow of one user does not ask it who may start runs."""
    return [
        *named_checks(cluster),
        *room_checks(cluster),
        *network_checks(cluster),
        *service_checks(cluster),
        *image_checks(cluster),
        *(rights_checks(cluster) if several else ()),
    ]


def version(said: str) -> Verdict:
    """Judge the version that the API server says it is."""
    found = re.match(r"v?(\d+)\.(\d+)", said)
    if found and tuple(map(int, found.groups())) in TRIED:
        return well(said)
    tried = " and ".join(f"{major}.{minor}" for major, minor in TRIED)
    return doubtful(f"{said} is none of those that the manifests were tried for", f"{tried} are; others may do")


def _unreached(name: str, fault: DestaError) -> Finding:
    return Finding(name, State.ERROR, str(fault), "nothing more of it could be checked; mend this, and run this again")
