"""Whether the caller may start and follow runs, where Kubeflow asks Kubernetes who may."""

from collections.abc import Iterator

from pipelines.cluster.profile import ClusterProfile
from pipelines.cluster_checks.asking import Json
from pipelines.cluster_checks.checks import Check, Verdict, doubtful, well
from pipelines.cluster_checks.questions import Review

GROUP = "pipelines.kubeflow.org"
WANTED = {
    "pipelines": ("create", "get", "list"),
    "experiments": ("create", "get", "list"),
    "runs": ("create", "get", "list", "terminate"),
}
"""What `desta submit`, `status`, `logs` and `cancel` ask Kubeflow for."""


def rights_checks(cluster: ClusterProfile) -> Iterator[Check]:
    """Return the check of what the caller may do."""
    reviews = [
        Review(verb=verb, resource=resource, group=GROUP, namespace=cluster.namespace)
        for resource, verbs in WANTED.items()
        for verb in verbs
    ]

    def judge(*seen: Json | None) -> Verdict:
        return rights(reviews, seen)

    yield Check("your rights", reviews, judge)


def rights(reviews: list[Review], seen: tuple[Json | None, ...]) -> Verdict:
    """Judge whether the caller may all that was asked about; Kubeflow may know the caller by another token."""
    refused = [
        f"{review.verb} {review.resource}"
        for review, answer in zip(reviews, seen, strict=True)
        if not ((answer or {}).get("status") or {}).get("allowed")
    ]
    if refused:
        return doubtful(
            f"as kubectl knows you, you may not {', '.join(refused)} in {reviews[0].namespace}",
            "ask who runs the cluster for Kubeflow's role kubeflow-pipelines-edit; if your token for Kubeflow is of"
            " somebody else, theirs count",
        )
    return well("you may submit, follow and cancel runs")
