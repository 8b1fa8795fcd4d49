"""What the manifests refer to is there: in the same overlay, or among the secrets that the operator makes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.cluster.profile import read_profile
from tests.infra.kubernetes.policy import templates
from tests.infra.kubernetes.rendering import FOLDER, Manifest, named, of_kind
from tests.pipelines.cluster.making import CLUSTERS

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


def of_runs() -> set[tuple[str, str]]:
    """Return the secrets that the profiles of clusters name for the pods of runs."""
    profiles = [read_profile(file) for file in sorted((FOLDER.parent / "clusters").glob("*.yaml"))]
    return {(reference.secret, reference.key) for profile in profiles for reference in profile.secrets}


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
    of_services = {pair for manifests in overlays.values() for pair in secrets(manifests)}
    assert documented() == of_services | of_runs()


def test_the_doctor_may_look_at_the_secrets_of_runs_and_at_no_others(overlays: dict[str, list[Manifest]]) -> None:
    rules = named(overlays["laptop"], "Role", "doctor")["rules"]
    (of_secrets,) = (rule for rule in rules if "secrets" in rule["resources"])
    assert set(of_secrets["resourceNames"]) == {name for name, _ in of_runs()}


@pytest.mark.parametrize("kind", ["Role", "ClusterRole"])
def test_the_doctor_may_change_nothing(kind: str, overlays: dict[str, list[Manifest]]) -> None:
    name = {"Role": "doctor", "ClusterRole": "desta-doctor"}[kind]
    rules = named(overlays["laptop"], kind, name)["rules"]
    assert {verb for rule in rules for verb in rule["verbs"]} <= {"get", "list"}


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


def test_each_server_of_the_backbone_has_the_gpus_that_it_is_told_to_use(manifests: list[Manifest]) -> None:
    told = int(named(manifests, "ConfigMap", "vllm")["data"]["TENSOR_PARALLEL"])
    (pod,) = templates([named(manifests, "StatefulSet", "vllm")])
    has = {int(pod.containers[0]["resources"][part].get("nvidia.com/gpu", 0)) for part in ("requests", "limits")}
    assert has in ({told}, {0}), "without a GPU the processor is the one device"
    assert told == 1 or has == {told}


def test_a_run_asks_the_servers_that_the_overlay_starts(overlays: dict[str, list[Manifest]]) -> None:
    clusters = [read_profile(file) for file in sorted(CLUSTERS.glob("*.yaml"))]
    asked = {cluster.name: cluster.generator for cluster in clusters if cluster.generator}
    assert asked
    for name, generator in asked.items():
        servers = named(overlays[name], "StatefulSet", generator.pods)
        service = named(overlays[name], "Service", generator.service)
        assert servers["spec"]["replicas"] == generator.replicas
        assert servers["spec"]["serviceName"] == generator.service
        assert service["spec"]["clusterIP"] == "None", "only so every server has a name"
        assert service["spec"]["selector"].items() <= servers["spec"]["template"]["metadata"]["labels"].items()
        (container,) = servers["spec"]["template"]["spec"]["containers"]
        assert generator.port in {port["containerPort"] for port in container["ports"]}


@pytest.mark.parametrize("file", sorted(CLUSTERS.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_home_and_the_models_of_a_profile_are_claims_where_the_settings_say(
    file: Path, overlays: dict[str, list[Manifest]]
) -> None:
    cluster = read_profile(file)
    manifests = overlays[cluster.name]
    settings = named(manifests, "ConfigMap", cluster.config_map.name)["data"]
    assert settings.keys() >= set(cluster.config_map.keys)
    for volume, variable in ((cluster.home, "DESTA_HOME"), (cluster.models, "DESTA_MODELS")):
        assert settings[variable] == volume.path
        modes = named(manifests, "PersistentVolumeClaim", volume.claim)["spec"]["accessModes"]
        assert cluster.shards == 1 or modes == ["ReadWriteMany"], "shards are on different nodes"
    assert cluster.sees(cluster.corpora)
