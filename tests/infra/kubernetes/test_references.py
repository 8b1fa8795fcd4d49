"""What the manifests refer to is there: in the same overlay, or among the secrets that the operator makes."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infra.kubernetes.policy import templates
from tests.infra.kubernetes.rendering import FOLDER, Manifest, named, of_kind

KINDS = {"configMapRef": "ConfigMap", "configMapKeyRef": "ConfigMap", "configMap": "ConfigMap"}
SCALE = {"m": 0.001, "": 1, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def nodes(node: Any) -> Iterator[tuple[str, Any]]:
    """Yield every field of a manifest with its value."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield key, value
            yield from nodes(value)
    elif isinstance(node, list):
        for item in node:
            yield from nodes(item)


def secrets(manifests: list[Manifest]) -> set[tuple[str, str]]:
    """Return the secrets that pods and ingresses want, with the keys that they want in them."""
    wanted = set()
    for key, value in nodes(manifests):
        if key == "secretKeyRef":
            wanted.add((value["name"], value["key"]))
        elif key == "secret" and isinstance(value, dict):
            wanted |= {(value["secretName"], item["key"]) for item in value["items"]}
        elif key == "tls":
            wanted |= {(entry["secretName"], name) for entry in value for name in ("tls.crt", "tls.key")}
    return wanted


def quantity(text: str) -> float:
    """Read a quantity as Kubernetes writes it."""
    number, unit = re.fullmatch(r"([\d.]+)([A-Za-z]*)", text).groups()  # type: ignore[union-attr]  # or the test fails
    return float(number) * SCALE[unit]


def documented() -> set[tuple[str, str]]:
    """Return the secrets of the README's table."""
    text = (FOLDER / "README.md").read_text()
    rows = re.findall(r"^ *\| secret `([\w-]+)` \| ([^|]+) \|", text, re.MULTILINE)
    return {(name, key) for name, keys in rows for key in re.findall(r"`([\w.-]+)`", keys)}


def test_every_account_setting_and_volume_of_a_pod_is_there(manifests: list[Manifest]) -> None:
    there = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests}
    for pod in templates(manifests):
        asked = {("ServiceAccount", pod.spec["serviceAccountName"])}
        fields = [(key, value) for key, value in nodes(dict(pod.spec)) if isinstance(value, dict)]
        asked |= {(KINDS[key], value["name"]) for key, value in fields if key in KINDS}
        asked |= {("PersistentVolumeClaim", v["claimName"]) for k, v in fields if k == "persistentVolumeClaim"}
        assert asked - there == set(), pod.owner


def test_the_operator_is_told_of_every_secret_and_of_no_other(overlays: dict[str, list[Manifest]]) -> None:
    assert documented() == {pair for manifests in overlays.values() for pair in secrets(manifests)}


def test_the_cloud_has_no_keys_of_its_object_store(overlays: dict[str, list[Manifest]]) -> None:
    assert {name for name, _ in secrets(overlays["laptop"])} - {name for name, _ in secrets(overlays["cloud"])} == {
        "object-store"
    }


@pytest.mark.parametrize("part", ["requests", "limits"])
@pytest.mark.parametrize("what", ["cpu", "memory"])
def test_what_an_overlay_starts_fits_into_its_quota_with_a_training_beside_it(
    part: str, what: str, manifests: list[Manifest]
) -> None:
    quota = quantity(named(manifests, "ResourceQuota", "desta")["spec"]["hard"][f"{part}.{what}"])
    started = 0.0
    for manifest in of_kind(manifests, "Deployment", "StatefulSet", "TrainingRuntime"):
        (pod,) = templates([manifest])
        several = manifest["spec"].get("replicas") or manifest["spec"].get("mlPolicy", {}).get("numNodes", 0)
        started += several * sum(quantity(container["resources"][part][what]) for container in pod.containers)
    assert 0 < started <= quota


def test_an_ingress_leads_to_a_host_that_mlflow_answers_to(overlays: dict[str, list[Manifest]]) -> None:
    for manifests in (overlays["onprem"], overlays["cloud"]):
        (rule,) = named(manifests, "Ingress", "mlflow")["spec"]["rules"]
        allowed = named(manifests, "ConfigMap", "mlflow")["data"]["MLFLOW_SERVER_ALLOWED_HOSTS"]
        assert rule["host"] in allowed.split(",")


def test_no_service_sets_a_variable_that_vllm_stops_at(manifests: list[Manifest]) -> None:
    assert "vllm" not in {service["metadata"]["name"] for service in of_kind(manifests, "Service")}
