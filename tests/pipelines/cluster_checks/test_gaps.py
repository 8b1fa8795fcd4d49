"""What a cluster lacks is named, and nothing else is."""

from collections.abc import Callable

import pytest

from components.core.home import Home
from pipelines.findings import State
from pipelines.images.records import write_image
from tests.pipelines.cluster_checks.conftest import GPU, Clusters
from tests.pipelines.cluster_checks.examining import examined_alone
from tests.pipelines.cluster_checks.kubernetes_api import KubernetesApi
from tests.pipelines.images.making import make_image

Change = Callable[[KubernetesApi], object]
GAPS: list[tuple[str, str, Change, str, str, str]] = [
    ("no namespace", "laptop", lambda api: api.remove("Namespace", "desta"), "namespace", "error", "is not there"),
    (
        "namespace that takes any pod",
        "laptop",
        lambda api: api.thing("Namespace", "desta")["metadata"].pop("labels"),
        "namespace",
        "warning",
        "not set",
    ),
    (
        "namespace at a lower level",
        "laptop",
        lambda api: api.thing("Namespace", "desta")["metadata"]["labels"].update(
            {"pod-security.kubernetes.io/enforce": "baseline"}
        ),
        "namespace",
        "warning",
        "baseline",
    ),
    ("no account", "laptop", lambda api: api.remove("ServiceAccount", "pipeline"), "account", "error", "pipeline"),
    (
        "account without a role",
        "laptop",
        lambda api: api.remove("RoleBinding", "pipeline"),
        "rights of the account",
        "warning",
        "bound to pipeline",
    ),
    (
        "role of another namespace's account",
        "laptop",
        lambda api: api.thing("RoleBinding", "pipeline")["subjects"][0].update(namespace="other"),
        "rights of the account",
        "warning",
        "bound to pipeline",
    ),
    ("no claim", "cloud", lambda api: api.remove("PersistentVolumeClaim", "home"), "claim home", "error", "not there"),
    (
        "claim that waits",
        "laptop",
        lambda api: api.thing("PersistentVolumeClaim", "models")["status"].update(phase="Pending"),
        "claim models",
        "error",
        "models is Pending",
    ),
    (
        "claim of one node in a cluster of several",
        "cloud",
        lambda api: api.thing("PersistentVolumeClaim", "home")["spec"].update(accessModes=["ReadWriteOnce"]),
        "shared volumes",
        "error",
        "home: not ReadWriteMany, and pods may be on 3 nodes",
    ),
    (
        "no settings",
        "onprem",
        lambda api: api.remove("ConfigMap", "stages"),
        "settings",
        "error",
        "stages is not there",
    ),
    (
        "settings without a key",
        "onprem",
        lambda api: api.thing("ConfigMap", "stages")["data"].pop("DESTA_MODELS"),
        "settings",
        "error",
        "has no DESTA_MODELS",
    ),
    ("no secret", "laptop", lambda api: api.remove("Secret", "vllm"), "secret vllm", "error", "wants server-key"),
    (
        "secret without a key",
        "laptop",
        lambda api: api.forget_key("mlflow-runs", "password"),
        "secret mlflow-runs",
        "error",
        "has no password",
    ),
    (
        "secret without a history",
        "laptop",
        lambda api: api.thing("Secret", "vllm")["metadata"].pop("managedFields"),
        "secret vllm",
        "warning",
        "does not tell",
    ),
    (
        "quota for no GPU",
        "onprem",
        lambda api: api.thing("ResourceQuota", "desta")["status"]["hard"].update({f"requests.{GPU}": "1"}),
        "quota",
        "error",
        f"train_model wants 2, quota desta allows 1 (requests.{GPU})",
    ),
    (
        "quota without room for all shards",
        "cloud",
        lambda api: api.thing("ResourceQuota", "desta")["status"]["hard"].update({f"requests.{GPU}": "8"}),
        "quota",
        "warning",
        f"self_generate wants 8 x 1, quota desta has 7 left (requests.{GPU})",
    ),
    (
        "quota that is used up",
        "laptop",
        lambda api: api.thing("ResourceQuota", "desta")["status"]["used"].update({"limits.memory": "19Gi"}),
        "quota",
        "warning",
        "wants 6Gi, quota desta has 5Gi left (limits.memory)",
    ),
    (
        "nodes without the label",
        "cloud",
        lambda api: api.thing("Node", "train")["metadata"].update(labels={}),
        "node for train_model",
        "error",
        "no node has desta/pool=train",
    ),
    (
        "nodes with too few GPUs",
        "cloud",
        lambda api: api.thing("Node", "train")["status"]["allocatable"].update({GPU: "0"}),
        "node for train_model",
        "error",
        f"of {GPU}, the largest node has 0",
    ),
    (
        "nodes with a taint that nobody tolerates",
        "cloud",
        lambda api: api.thing("Node", "train")["spec"]["taints"].append({"key": "broken", "effect": "NoExecute"}),
        "node for train_model",
        "error",
        "no toleration of broken:NoExecute",
    ),
    (
        "nodes with too little memory",
        "onprem",
        lambda api: [api.thing("Node", name)["status"]["allocatable"].update(memory="64Gi") for name in ("a", "b")],
        "node for train_model",
        "error",
        "wants 120Gi of memory, the largest node has 64Gi",
    ),
    (
        "a node that is not ready",
        "cloud",
        lambda api: api.thing("Node", "train")["status"].update(conditions=[{"type": "Ready", "status": "Unknown"}]),
        "node for train_model",
        "error",
        "no node has desta/pool=train",
    ),
    (
        "a node that is cordoned",
        "cloud",
        lambda api: api.thing("Node", "train")["spec"].update(unschedulable=True),
        "node for train_model",
        "error",
        "no node has desta/pool=train",
    ),
    (
        "no default deny",
        "laptop",
        lambda api: api.remove("NetworkPolicy", "default-deny"),
        "default deny",
        "warning",
        "Egress and Ingress",
    ),
    (
        "deny that lets out",
        "laptop",
        lambda api: api.thing("NetworkPolicy", "default-deny")["spec"].update(egress=[{}]),
        "default deny",
        "warning",
        "denies Egress by default",
    ),
    ("no flow", "laptop", lambda api: api.remove("NetworkPolicy", "mlflow"), "flows", "error", "runs into MLflow"),
    ("no MLflow", "laptop", lambda api: api.remove("Deployment", "mlflow"), "mlflow", "error", "no deployment mlflow"),
    (
        "MLflow that does not start",
        "laptop",
        lambda api: api.thing("Deployment", "mlflow").update(status={}),
        "mlflow",
        "error",
        "mlflow is not ready, 0 of 1",
    ),
    (
        "vLLM that does not start",
        "cloud",
        lambda api: api.vllm().update(status={"readyReplicas": 0}),
        "vllm",
        "error",
        "vllm is not ready, 0 of 1",
    ),
    (
        "no training runtime",
        "onprem",
        lambda api: api.remove("TrainingRuntime", "desta-deepspeed"),
        "training on several nodes",
        "warning",
        "no TrainingRuntime desta-deepspeed",
    ),
    (
        "no JobSet",
        "onprem",
        lambda api: api.kinds.pop("/apis/jobset.x-k8s.io/v1alpha2"),
        "training on several nodes",
        "warning",
        "JobSet is not installed",
    ),
    (
        "no default storage class",
        "laptop",
        lambda api: api.thing("StorageClass", "standard")["metadata"].update(annotations={}),
        "storage class",
        "warning",
        "there is standard",
    ),
    (
        "no Prometheus operator",
        "laptop",
        lambda api: api.kinds.pop("/apis/monitoring.coreos.com/v1"),
        "monitoring",
        "warning",
        "podmonitors, prometheusrules",
    ),
    (
        "an image by a tag",
        "laptop",
        lambda api: api.thing("StatefulSet", "postgresql")["spec"]["template"]["spec"]["containers"][0].update(
            image="postgres:16"
        ),
        "images of the services",
        "warning",
        "postgres:16",
    ),
    (
        "somebody who may not submit",
        "laptop",
        lambda api: api.may_not.add(("create", "runs")),
        "your rights",
        "warning",
        "may not create runs in desta",
    ),
]


@pytest.mark.parametrize(
    ("overlay", "change", "name", "state", "words"), [gap[1:] for gap in GAPS], ids=[gap[0] for gap in GAPS]
)
def test_a_gap_is_one_finding_that_names_it(
    overlay: str, change: Change, name: str, state: str, words: str, clusters: Clusters
) -> None:
    change(clusters(overlay))
    (finding,) = (finding for finding in examined_alone(overlay) if finding.state is not State.OK)
    assert (finding.name, finding.state) == (name, state)
    assert words in finding.detail
    assert finding.mend


def test_images_that_no_node_can_pull_are_named(clusters: Clusters, home: Home) -> None:
    clusters("laptop")
    write_image(make_image("train_model"), home)
    (finding,) = (finding for finding in examined_alone("laptop") if finding.state is not State.OK)
    assert (finding.name, finding.state) == ("images of the pipeline", State.ERROR)
    assert "train_model: its image is in no registry" in finding.detail


def test_another_mlflow_than_that_of_the_namespace_is_not_asked_for(clusters: Clusters) -> None:
    api = clusters("laptop")
    api.remove("Deployment", "mlflow")
    api.thing("ConfigMap", "stages")["data"]["MLFLOW_TRACKING_URI"] = "https://me:secret@mlflow.example.test"
    (finding,) = (finding for finding in examined_alone("laptop") if finding.name == "mlflow")
    assert finding.detail == "mlflow.example.test is not in this namespace, and was not asked"
