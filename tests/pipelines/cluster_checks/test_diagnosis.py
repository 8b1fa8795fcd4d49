"""`desta doctor --cluster` against both APIs over HTTP: what is whole is found whole, and each gap is named, alone."""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from components.core.home import Home
from pipelines.cli import main
from pipelines.cluster.profile import read_profile
from pipelines.cluster_checks import asking
from pipelines.cluster_checks.asking import Kubernetes
from pipelines.cluster_checks.checks import examined
from pipelines.cluster_checks.diagnosis import checks_of
from pipelines.findings import Finding, State
from pipelines.images.records import write_image
from tests.http_server import Reply
from tests.infra.kubernetes.rendering import OVERLAYS
from tests.pipelines.cluster.kubeflow import Kubeflow
from tests.pipelines.cluster.making import CLUSTERS
from tests.pipelines.cluster_checks.conftest import GPU, Clusters
from tests.pipelines.cluster_checks.kubernetes_api import KINDS, VALUE, KubernetesApi, parts_of, write_kubeconfig
from tests.pipelines.images.making import make_image, write_pushed

Findings = dict[str, tuple[str, str]]


@pytest.fixture(autouse=True)
def _alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pushed(home)
    for variable in ("KFP_HOST", "KFP_TOKEN"):
        monkeypatch.delenv(variable, raising=False)


def doctor(capsys: pytest.CaptureFixture[str], overlay: str, *words: str) -> tuple[int, Findings]:
    with pytest.raises(SystemExit) as end:
        main(["doctor", "--cluster", str(CLUSTERS / f"{overlay}.yaml"), "--json", *words])
    said = json.loads(capsys.readouterr().out)
    return int(end.value.code or 0), {each["name"]: (each["state"], each["detail"]) for each in said}


def wanting(findings: Findings) -> Findings:
    return {name: found for name, found in findings.items() if found[0] != "ok"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_as_it_is_rendered_lacks_nothing(
    overlay: str, clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters(overlay)
    code, findings = doctor(capsys, overlay, "--host", kubeflow.host)
    assert wanting(findings).keys() == set()
    assert {"namespace", "secret mlflow-runs", "node for train_model", "your rights"} <= findings.keys()
    assert code == 0


def test_looking_changes_nothing_and_sees_no_secret(
    clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    api = clusters("laptop")
    doctor(capsys, "laptop", "--host", kubeflow.host)
    posts = {request for request in api.requests if not request.startswith("GET ")}
    assert posts == {"POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"}
    assert kubeflow.posts() == []
    assert any("/secrets/" in request for request in api.requests)
    assert VALUE.encode() not in b"".join(api.sent)


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


def examined_alone(overlay: str) -> list[Finding]:
    """Examine what Kubernetes has."""
    return examined(checks_of(read_profile(CLUSTERS / f"{overlay}.yaml"), several=True), Kubernetes(None))


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


@pytest.mark.parametrize(("version", "state"), [("v1.36.2", "ok"), ("v1.29.4", "warning"), ("v1.40.0", "warning")])
def test_a_kubernetes_that_was_not_tried_is_a_warning(
    version: str, state: str, clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop").version = version
    _, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert findings["kubernetes"][0] == state
    assert version in findings["kubernetes"][1]


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


def test_another_mlflow_than_that_of_the_namespace_is_not_asked_for(clusters: Clusters) -> None:
    api = clusters("laptop")
    api.remove("Deployment", "mlflow")
    api.thing("ConfigMap", "stages")["data"]["MLFLOW_TRACKING_URI"] = "https://me:secret@mlflow.example.test"
    (finding,) = (finding for finding in examined_alone("laptop") if finding.name == "mlflow")
    assert finding.detail == "mlflow.example.test is not in this namespace, and was not asked"


@pytest.mark.parametrize(
    ("version", "state"), [("2.17.3", "ok"), ("2.16.0", "error"), ("1.8.5", "error"), ("unknown", "warning")]
)
def test_kubeflow_has_to_be_new_enough(
    version: str, state: str, clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop")
    kubeflow.version = version
    _, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert findings["kubeflow"][0] == state
    assert version in findings["kubeflow"][1]


def test_a_kubeflow_of_one_user_makes_its_runs_elsewhere(
    clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop")
    kubeflow.multi_user = False
    _, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert wanting(findings).keys() == {"users"}
    assert "your rights" not in findings


def test_runs_that_kubeflow_does_not_show_are_an_error(
    clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop")
    kubeflow.fault = lambda request: 403 if request == "GET /runs" else None
    code, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert wanting(findings).keys() == {"runs"}
    assert (code, findings["runs"][0]) == (1, "error")


def test_a_cluster_whose_kubernetes_cannot_be_reached_is_one_line_and_kubeflow_is_still_asked(
    clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop")
    code, findings = doctor(capsys, "laptop", "--host", kubeflow.host, "--context", "nowhere")
    assert findings.keys() == {"kubeflow", "users", "runs", "kubernetes"}
    assert "127.0.0.1:9: cannot be reached" in findings["kubernetes"][1]
    assert code == 1


def test_a_kubeflow_that_cannot_be_reached_is_one_line_and_kubernetes_is_still_asked(
    clusters: Clusters, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop")
    code, findings = doctor(capsys, "laptop", "--host", "http://127.0.0.1:9")
    assert wanting(findings).keys() == {"kubeflow"}
    assert "cannot be reached" in findings["kubeflow"][1]
    assert code == 1


def test_without_an_address_of_kubeflow_the_rest_is_checked(
    clusters: Clusters, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop")
    code, findings = doctor(capsys, "laptop")
    assert wanting(findings).keys() == {"kubeflow"}
    assert "KFP_HOST" in findings["kubeflow"][1]
    assert code == 1


@pytest.mark.parametrize("where", ["kubernetes", "kubeflow"])
def test_the_page_of_a_login_is_no_answer(
    where: str, clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    api = clusters("laptop")
    if where == "kubernetes":
        api.reply = Reply(200, b"<html>who are you?</html>", {"Content-Type": "text/html"})
    else:
        kubeflow.content_type = "text/html"
    _, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert findings[where][0] == "error"
    assert "answers, but not as Kube" in findings[where][1]


def test_a_server_that_does_not_answer_is_given_up(
    kubeflow: Kubeflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(asking, "TIMEOUTS_S", (0.2, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        file = write_kubeconfig(tmp_path / "kubeconfig", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("KUBECONFIG", str(file))
        started = time.monotonic()
        code, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert time.monotonic() - started < 10
    assert "no answer in time" in findings["kubernetes"][1]
    assert code == 1


def test_a_server_that_breaks_at_one_question_spoils_one_check(
    clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop").broken.add("networkpolicies")
    code, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert wanting(findings).keys() == {"default deny", "flows"}
    assert "500: out of order" in findings["flows"][1]
    assert code == 1


def test_somebody_whom_the_cluster_does_not_know_is_told_to_log_in(
    clusters: Clusters, kubeflow: Kubeflow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = clusters("laptop")
    write_kubeconfig(tmp_path / "kubeconfig", api.host, "another-token")
    _, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert "401: it does not know you; log in" in findings["kubernetes"][1]
    assert "another-token" not in str(findings)


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "not: [closed",
        "- a list",
        "just words",
        "clusters: 7",
        "{apiVersion: v1, kind: Config, current-context: gone, contexts: [], clusters: [], users: []}",
        "\x00",
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_one_line(
    content: str | None,
    kubeflow: Kubeflow,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "kubeconfig"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("KUBECONFIG", str(file))
    code, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert findings["kubernetes"][0] == "error"
    assert findings["kubernetes"][1].startswith(f"kubeconfig {file}: ")
    assert "\n" not in findings["kubernetes"][1]
    assert code == 1


def test_a_context_that_is_not_there_is_named(
    clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop")
    _, findings = doctor(capsys, "laptop", "--host", kubeflow.host, "--context", "elsewhere")
    assert "elsewhere" in findings["kubernetes"][1]


def test_options_of_a_cluster_want_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["doctor", "--context", "here"])
    assert end.value.code == 2
    assert "--context: is for --cluster" in capsys.readouterr().err
