"""What may not be looked at is said, with the right that is missing, and the rest goes on."""

import pytest

from pipelines.findings import State
from tests.pipelines.cluster_checks.conftest import Clusters
from tests.pipelines.cluster_checks.examining import examined_alone
from tests.pipelines.cluster_checks.kubernetes_api import KINDS, parts_of


@pytest.mark.parametrize(
    ("resource", "name", "permission"),
    [
        ("namespaces", "namespace", "get namespaces/desta is not permitted"),
        ("secrets", "secret vllm", "get secrets/vllm in desta"),
        ("networkpolicies", "flows", "list networkpolicies.networking.k8s.io in desta"),
        ("nodes", "node for train_model", "list nodes is not permitted"),
        ("resourcequotas", "quota", "list resourcequotas in desta"),
    ],
)
def test_what_may_not_be_looked_at_is_said_with_the_permission_and_the_rest_goes_on(
    resource: str, name: str, permission: str, clusters: Clusters
) -> None:
    clusters("laptop").forbidden.add(resource)
    found = {finding.name: finding for finding in examined_alone("laptop")}
    assert permission in found[name].detail
    assert all(f.detail.startswith("cannot look: ") for f in found.values() if f.state is not State.OK)
    assert all(f.state is not State.ERROR for f in found.values())
    assert found["mlflow"].state is State.OK


def test_the_roles_of_the_doctor_permit_what_it_asks_for_and_no_more(clusters: Clusters) -> None:
    api = clusters("laptop")
    examined_alone("laptop")
    things = [path for path in (request.removeprefix("GET ") for request in api.requests) if _is_of_a_thing(path)]
    asked = {(group, resource, "get" if name else "list") for group, _, _, resource, name in map(parts_of, things)}
    granted = {
        (group, resource, verb)
        for rule in api.rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert asked == granted


def _is_of_a_thing(path: str) -> bool:
    return path.startswith("/api") and path not in KINDS and not path.endswith("reviews")
