"""Clusters that have all: each overlay as rendered, the nodes and secrets that it wants, and a Kubeflow."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from components.core.home import Home
from tests.infra.kubernetes.rendering import OVERLAYS, Manifest, pinned_copy, render
from tests.pipelines.cluster.kubeflow import Kubeflow
from tests.pipelines.cluster.kubeflow import serving as serving_kubeflow
from tests.pipelines.cluster_checks.kubernetes_api import (
    KubernetesApi,
    node,
    serving,
    storage_class,
    write_kubeconfig,
)
from tests.pipelines.images.making import write_pushed

GPU = "nvidia.com/gpu"
NODES = {
    "laptop": [node("kind-control-plane", cpu=8, memory="16Gi")],
    "onprem": [node("control", taint="node-role.kubernetes.io/control-plane"), node("a", gpus=2), node("b", gpus=2)],
    "cloud": [node("cpu"), node("gpu", gpus=8, taint=GPU), node("train", gpus=4, taint=GPU, desta_pool="train")],
}
Clusters = Callable[[str], KubernetesApi]


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Manifest]]:
    """What each overlay renders to, and the roles of the doctor."""
    copy = pinned_copy(tmp_path_factory.mktemp("doctor") / "manifests")
    return {
        **{name: render(copy / "overlays" / name) for name in OVERLAYS},
        "roles": render(copy / "parts" / "doctor"),
    }


@pytest.fixture
def kubeflow() -> Iterator[Kubeflow]:
    with serving_kubeflow() as server:
        yield server


@pytest.fixture
def clusters(
    rendered: dict[str, list[Manifest]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Clusters]:
    """Start the cluster of an overlay, which KUBECONFIG then names."""
    with ExitStack() as stack:

        def start(overlay: str) -> KubernetesApi:
            beside = [*NODES[overlay], storage_class("standard", default=True)]
            api = stack.enter_context(serving([*rendered[overlay], *beside], rendered["roles"]))
            api.add_secret("mlflow-runs", "username", "password")
            api.add_secret("vllm", "server-key")
            monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "kubeconfig", api.host)))
            return api

        yield start


@pytest.fixture(autouse=True)
def _alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pushed(home)
    for variable in ("KFP_HOST", "KFP_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
