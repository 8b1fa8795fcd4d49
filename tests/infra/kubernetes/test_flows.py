"""Who may speak to whom: the flows that the work needs are open in each overlay, and no others."""

import pytest

from tests.infra.kubernetes.network import Address, Peer, Pod, Policies
from tests.infra.kubernetes.policy import templates
from tests.infra.kubernetes.rendering import OVERLAYS, Manifest, of_kind

STAGE = Pod("desta", {"pipelines.kubeflow.org/v2_component": "true"})
PROMETHEUS = Pod("monitoring", {"app.kubernetes.io/name": "prometheus"})
GRAFANA = Pod("monitoring", {"app.kubernetes.io/name": "grafana"})
STRANGER = Pod("default", {"app.kubernetes.io/name": "prometheus"})
INGRESS = Pod("ingress-nginx", {"app.kubernetes.io/name": "ingress-nginx"})
DNS = Pod("kube-system", {"k8s-app": "kube-dns"})
KUBEFLOW = Pod("kubeflow", {"app": "ml-pipeline"})
API_SERVER = Address("10.96.0.1")
INTERNET = Address("203.0.113.7")
NODE_METADATA = Address("169.254.169.254")
OWN_S3 = Address("192.0.2.5")
CLOUD_DATABASE = Address("10.20.30.40")


def ours(name: str) -> Pod:
    """Return a pod of this project as its labels make it; a test holds the manifests to them."""
    return Pod("desta", {"app.kubernetes.io/name": name})


MLFLOW, VLLM, TRAINER, EXPORTER = ours("mlflow"), ours("vllm"), ours("trainer"), ours("exporter")
POSTGRESQL, OBJECTS, LOADER = ours("postgresql"), ours("objects"), ours("model-loader")
EVERYWHERE = set(OVERLAYS)

OPEN: list[tuple[str, Peer, Peer, int, set[str]]] = [
    ("a stage logs to MLflow", STAGE, MLFLOW, 5000, EVERYWHERE),
    ("a shard asks vLLM", STAGE, VLLM, 8000, EVERYWHERE),
    ("a stage reports to Kubeflow", STAGE, KUBEFLOW, 8887, EVERYWHERE),
    ("Argo's executor reports", STAGE, API_SERVER, 443, EVERYWHERE),
    ("nodes of a training meet", TRAINER, TRAINER, 29500, EVERYWHERE),
    ("NCCL chooses its port", TRAINER, TRAINER, 41573, EVERYWHERE),
    ("the exporter asks MLflow", EXPORTER, MLFLOW, 5000, EVERYWHERE),
    ("Prometheus reads vLLM", PROMETHEUS, VLLM, 8000, EVERYWHERE),
    ("Prometheus reads the exporter", PROMETHEUS, EXPORTER, 9108, EVERYWHERE),
    ("MLflow has its database here", MLFLOW, POSTGRESQL, 5432, {"laptop", "onprem"}),
    ("MLflow has its database outside", MLFLOW, CLOUD_DATABASE, 5432, {"cloud"}),
    ("MLflow keeps artifacts here", MLFLOW, OBJECTS, 8333, {"laptop"}),
    ("a stage keeps data here", STAGE, OBJECTS, 8333, {"laptop"}),
    ("MLflow keeps artifacts on one's own S3", MLFLOW, OWN_S3, 9000, {"onprem"}),
    ("a stage keeps data on one's own S3", STAGE, OWN_S3, 9000, {"onprem"}),
    ("MLflow keeps artifacts on the cloud's S3", MLFLOW, INTERNET, 443, {"cloud"}),
    ("a stage keeps data on the cloud's S3", STAGE, INTERNET, 443, {"cloud"}),
    ("people reach MLflow", INGRESS, MLFLOW, 5000, {"onprem", "cloud"}),
]
SHUT: list[tuple[str, Peer, Peer, int]] = [
    ("a stage has no business in the database", STAGE, POSTGRESQL, 5432),
    ("nor has the exporter", EXPORTER, POSTGRESQL, 5432),
    ("nor has a stranger", STRANGER, POSTGRESQL, 5432),
    ("vLLM tells nobody", VLLM, INTERNET, 443),
    ("vLLM does not log to MLflow", VLLM, MLFLOW, 5000),
    ("a training tells nobody", TRAINER, INTERNET, 443),
    ("a training does not log by itself", TRAINER, MLFLOW, 5000),
    ("a training does not listen to stages", STAGE, TRAINER, 29500),
    ("nor to strangers", STRANGER, TRAINER, 29500),
    ("the exporter tells nobody", EXPORTER, INTERNET, 443),
    ("the database calls nobody", POSTGRESQL, INTERNET, 443),
    ("the object store calls nobody", OBJECTS, INTERNET, 443),
    ("the loader calls nobody", LOADER, INTERNET, 443),
    ("the loader is called by nobody", STRANGER, LOADER, 8000),
    ("a stranger does not reach MLflow", STRANGER, MLFLOW, 5000),
    ("a stranger with Prometheus' label reads nothing", STRANGER, VLLM, 8000),
    ("nor does Prometheus' neighbour", GRAFANA, VLLM, 8000),
    ("Prometheus reads no rows", PROMETHEUS, MLFLOW, 5000),
    ("the internet reaches nothing", INTERNET, MLFLOW, 5000),
    ("a stage speaks to MLflow by its port alone", STAGE, MLFLOW, 22),
    ("a stage knows no clear web", STAGE, INTERNET, 80),
    ("a stage does not become its node", STAGE, NODE_METADATA, 80),
    ("not even over TLS", STAGE, NODE_METADATA, 443),
    ("MLflow does not become its node", MLFLOW, NODE_METADATA, 80),
]


@pytest.fixture
def policies(manifests: list[Manifest]) -> Policies:
    return Policies(list(of_kind(manifests, "NetworkPolicy")))


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize(("flow", "source", "to", "port", "where"), OPEN, ids=[flow[0] for flow in OPEN])
def test_a_flow_is_open_where_it_is_needed(
    overlay: str,
    flow: str,
    source: Peer,
    to: Peer,
    port: int,
    where: set[str],
    overlays: dict[str, list[Manifest]],
) -> None:
    policies = Policies(list(of_kind(overlays[overlay], "NetworkPolicy")))
    assert policies.allow(source, to, port) == (overlay in where), flow


@pytest.mark.parametrize(("flow", "source", "to", "port"), SHUT, ids=[flow[0] for flow in SHUT])
def test_no_other_flow_is_open(flow: str, source: Peer, to: Peer, port: int, policies: Policies) -> None:
    assert not policies.allow(source, to, port), flow


@pytest.mark.parametrize("name", ["mlflow", "vllm", "trainer", "exporter", "model-loader"])
@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
def test_everybody_may_ask_for_names(name: str, protocol: str, policies: Policies) -> None:
    assert policies.allow(ours(name), DNS, 53, protocol)
    assert policies.allow(STAGE, DNS, 53, protocol)


def test_the_pods_of_the_table_are_those_of_the_manifests(overlays: dict[str, list[Manifest]]) -> None:
    labels = [pod.labels["app.kubernetes.io/name"] for pod in templates(overlays["laptop"])]
    known = (MLFLOW, VLLM, TRAINER, EXPORTER, POSTGRESQL, OBJECTS, LOADER)
    assert sorted(labels) == sorted(pod.labels["app.kubernetes.io/name"] for pod in known)


def test_it_is_the_default_that_shuts_what_nobody_opened(manifests: list[Manifest]) -> None:
    opened = [p for p in of_kind(manifests, "NetworkPolicy") if p["metadata"]["name"] != "default-deny"]
    assert Policies(opened).allow(STRANGER, LOADER, 8000)


def test_a_pod_that_no_policy_selects_is_open_and_a_rule_without_peers_opens_to_all() -> None:
    shut = {"podSelector": {}, "policyTypes": ["Ingress"]}
    nobody = {"metadata": {"namespace": "desta"}, "spec": shut}
    everybody = {"metadata": {"namespace": "desta"}, "spec": {**shut, "ingress": [{}]}}
    assert Policies([]).allow(STRANGER, MLFLOW, 5000)
    assert Policies([everybody, nobody]).allow(STRANGER, MLFLOW, 5000)
    assert not Policies([nobody]).allow(STRANGER, MLFLOW, 5000)
