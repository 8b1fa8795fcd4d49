"""The security rules: each holds for every pod of every overlay, and each sees when it does not."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.infra.kubernetes.network import Policies
from tests.infra.kubernetes.policy import RULES, Template, templates
from tests.infra.kubernetes.rendering import FOLDER, OVERLAYS, Manifest, kustomize, named, of_kind, unpinned_copy

Spec = dict[str, Any]


def policies(manifests: list[Manifest]) -> Policies:
    return Policies(list(of_kind(manifests, "NetworkPolicy")))


def first(spec: Spec) -> Spec:
    container: Spec = spec["containers"][0]
    return container


def root(spec: Spec) -> None:
    del spec["securityContext"]["runAsNonRoot"]


def user_zero(spec: Spec) -> None:
    first(spec)["securityContext"]["runAsUser"] = 0


def writable(spec: Spec) -> None:
    del first(spec)["securityContext"]["readOnlyRootFilesystem"]


def escalating(spec: Spec) -> None:
    del first(spec)["securityContext"]["allowPrivilegeEscalation"]


def privileged(spec: Spec) -> None:
    first(spec)["securityContext"]["privileged"] = True


def capable(spec: Spec) -> None:
    first(spec)["securityContext"]["capabilities"]["add"] = ["NET_ADMIN"]


def any_call(spec: Spec) -> None:
    spec["securityContext"]["seccompProfile"]["type"] = "Unconfined"


def no_limit(spec: Spec) -> None:
    del first(spec)["resources"]["limits"]["memory"]


def tagged(spec: Spec) -> None:
    first(spec)["image"] = "place.test/postgres:17"


def tag_before_digest(spec: Spec) -> None:
    first(spec)["image"] = f"place.test/postgres@sha256:{'0' * 63}"


def token(spec: Spec) -> None:
    del spec["automountServiceAccountToken"]


def nobody(spec: Spec) -> None:
    del spec["serviceAccountName"]


def of_the_node(spec: Spec) -> None:
    spec["volumes"].append({"name": "node", "hostPath": {"path": "/"}})


def endless(spec: Spec) -> None:
    spec["volumes"].append({"name": "endless", "emptyDir": {}})


def network_of_the_node(spec: Spec) -> None:
    spec["hostNetwork"] = True


def port_of_the_node(spec: Spec) -> None:
    first(spec).setdefault("ports", []).append({"containerPort": 1, "hostPort": 1})


def beside(spec: Spec) -> None:
    spec["initContainers"] = [{**first(copy.deepcopy(spec)), "name": "first", "securityContext": {}}]


MUTATIONS: list[tuple[str, Callable[[Spec], None]]] = [
    ("runs as a user that is not root", root),
    ("runs as a user that is not root", user_zero),
    ("cannot write to its image", writable),
    ("cannot write to its image", beside),
    ("cannot gain privileges", escalating),
    ("cannot gain privileges", privileged),
    ("has no capabilities", capable),
    ("has the runtime's seccomp profile", any_call),
    ("says what it needs and may take at most", no_limit),
    ("is an image by its digest", tagged),
    ("is an image by its digest", tag_before_digest),
    ("has no token of the API server", token),
    ("names its service account", nobody),
    ("mounts nothing of the node", of_the_node),
    ("mounts nothing of the node", endless),
    ("shares nothing with the node", network_of_the_node),
    ("shares nothing with the node", port_of_the_node),
]


@pytest.mark.parametrize("rule", RULES)
def test_every_pod(rule: str, manifests: list[Manifest]) -> None:
    pods, network = list(templates(manifests)), policies(manifests)
    assert [(pod.owner, fault) for pod in pods for fault in RULES[rule](pod, network)] == []
    assert {"Deployment/mlflow", "TrainingRuntime/desta-deepspeed"} <= {pod.owner for pod in pods}


@pytest.mark.parametrize(("rule", "mutate"), MUTATIONS, ids=[f"{r}: {m.__name__}" for r, m in MUTATIONS])
def test_a_rule_sees_what_breaks_it(
    rule: str, mutate: Callable[[Spec], None], overlays: dict[str, list[Manifest]]
) -> None:
    network = policies(overlays["laptop"])
    for pod in templates(overlays["laptop"]):
        spec = copy.deepcopy(dict(pod.spec))
        mutate(spec)
        assert list(RULES[rule](Template(pod.owner, pod.namespace, pod.labels, spec), network)), pod.owner


@pytest.mark.parametrize("way", ["Ingress", "Egress"])
def test_a_rule_sees_a_pod_that_no_policy_selects(way: str, overlays: dict[str, list[Manifest]]) -> None:
    other = "Egress" if way == "Ingress" else "Ingress"
    deny = copy.deepcopy(named(overlays["laptop"], "NetworkPolicy", "default-deny"))
    deny["spec"]["policyTypes"] = [other]
    for pod in templates(overlays["laptop"]):
        faults = RULES["is selected by a NetworkPolicy both ways"](pod, Policies([deny]))
        assert list(faults) == [f"no NetworkPolicy selects it for {way}"]


def test_every_rule_has_been_broken() -> None:
    assert {rule for rule, _ in MUTATIONS} == RULES.keys() - {"is selected by a NetworkPolicy both ways"}


def test_the_namespace_refuses_what_is_not_restricted(manifests: list[Manifest]) -> None:
    (namespace,) = of_kind(manifests, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_only_the_pods_of_pipelines_have_a_token(manifests: list[Manifest]) -> None:
    accounts = list(of_kind(manifests, "ServiceAccount"))
    mounted = [a["metadata"]["name"] for a in accounts if a["automountServiceAccountToken"] is not False]
    assert mounted == ["pipeline"]


def test_no_role_reads_every_secret_or_may_do_everything(manifests: list[Manifest]) -> None:
    rules = [rule for role in of_kind(manifests, "Role", "ClusterRole") for rule in role["rules"]]
    assert rules
    assert [rule for rule in rules if "*" in (*rule["verbs"], *rule["resources"])] == []
    assert [rule for rule in rules if "secrets" in rule["resources"] and "resourceNames" not in rule] == []


def test_no_secret_is_in_the_manifests(manifests: list[Manifest]) -> None:
    assert list(of_kind(manifests, "Secret")) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_without_pins_an_overlay_does_not_render(overlay: str, tmp_path: Path) -> None:
    done = kustomize(unpinned_copy(tmp_path / "manifests") / "overlays" / overlay)
    assert done.returncode != 0
    assert "images" in done.stderr


def test_no_manifest_names_a_registry() -> None:
    lines = [line for file in FOLDER.rglob("*.yaml") if "images" not in file.parts for line in file.open()]
    named_images = [line.split("image:")[1].split("#")[0].strip() for line in lines if "image:" in line]
    assert named_images
    assert [name for name in named_images if any(sign in name for sign in ".:@")] == []
