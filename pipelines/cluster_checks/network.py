"""Whether the namespace lets nothing pass but what runs need, and lets that pass."""

from collections.abc import Iterator

from pipelines.cluster.profile import ClusterProfile
from pipelines.cluster_checks.asking import Json
from pipelines.cluster_checks.checks import Check, Verdict, doubtful, lacking, well
from pipelines.cluster_checks.questions import Thing

NEEDED = {
    "dns": "every pod to the cluster's DNS",
    "pipeline": "runs to MLflow, vLLM and Kubeflow",
    "pipeline-to-api-server": "runs to the API server",
    "pipeline-to-objects": "runs to the object store",
    "mlflow": "runs into MLflow",
    "mlflow-to-database": "MLflow to its database",
    "mlflow-to-objects": "MLflow to the object store",
    "vllm": "runs into vLLM",
    "trainer": "nodes of a training to each other",
}
"""The policies of infra/kubernetes/base/network without which something of a run finds no way."""
_BOTH = {"Ingress", "Egress"}


def network_checks(cluster: ClusterProfile) -> Iterator[Check]:
    """Return the checks of policies."""
    policies = Thing(group="networking.k8s.io", resource="networkpolicies", namespace=cluster.namespace)
    yield Check("default deny", [policies], default_deny)
    yield Check("flows", [policies], flows)


def default_deny(seen: Json | None) -> Verdict:
    """Judge whether a policy shuts every pod in, both ways."""
    shut = {
        way
        for policy in (seen or {}).get("items") or ()
        if not policy["spec"].get("podSelector")
        for way in policy["spec"].get("policyTypes") or ()
        if not policy["spec"].get(way.lower())
    }
    if missing := sorted(_BOTH - shut):
        return doubtful(
            f"no policy denies {' and '.join(missing)} by default: every pod may talk to every other",
            "kubectl apply -n NAMESPACE -f infra/kubernetes/base/network/default-deny.yaml",
        )
    return well("both ways")


def flows(seen: Json | None) -> Verdict:
    """Judge whether what runs need is let through, by the names of our policies."""
    there = {policy["metadata"]["name"] for policy in (seen or {}).get("items") or ()}
    if missing := [f"{name} ({what})" for name, what in NEEDED.items() if name not in there]:
        return lacking(f"no policy {', '.join(missing)}", "apply the overlay of this cluster")
    return well(f"{len(NEEDED)} open by name")
