"""Every manifest against the schema of its kind: Kubernetes' own, or that of the project whose resource it is."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from kubeflow_trainer_api.models.trainer_v1alpha1_train_job import TrainerV1alpha1TrainJob
from kubeflow_trainer_api.models.trainer_v1alpha1_training_runtime import TrainerV1alpha1TrainingRuntime
from kubernetes_validate.utils import all_versions, major_minor

from tests.infra.kubernetes.rendering import FOLDER, Manifest, named, of_kind

KNOWN = list(dict.fromkeys(map(major_minor, all_versions())))
NEWEST = KNOWN[-2:]
SCHEMAS = Path(__file__).parent / "schemas"
WATCHED = ("PodMonitor", "PrometheusRule", "ServiceMonitor")
TRAINED = {"TrainingRuntime": TrainerV1alpha1TrainingRuntime, "TrainJob": TrainerV1alpha1TrainJob}


def faults_of(manifest: Manifest) -> list[str]:
    """Return what Prometheus' operator would say of one of its resources."""
    schema = json.loads((SCHEMAS / f"{manifest['kind']}.json").read_text())
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(manifest)]


def as_trainer_reads(manifest: Manifest) -> Any:
    """Return a resource of Trainer's after its own classes have read it: they drop what they do not know."""
    return TRAINED[manifest["kind"]].from_dict(manifest).to_dict()


@pytest.fixture(scope="module")
def every(overlays: dict[str, list[Manifest]]) -> list[Manifest]:
    """The manifests of all overlays, each once, and the example."""
    example = yaml.safe_load((FOLDER / "examples" / "trainjob.yaml").read_text())
    found = [manifest for manifests in overlays.values() for manifest in manifests]
    return [*{json.dumps(manifest, sort_keys=True): manifest for manifest in found}.values(), example]


def test_the_two_newest_versions_are_those_after_which_none_comes() -> None:
    assert len(NEWEST) == 2
    assert NEWEST[1] == major_minor(kubernetes_validate.latest_version())


@pytest.mark.parametrize("version", NEWEST)
def test_every_manifest_is_one_that_kubernetes_accepts(version: str, every: list[Manifest]) -> None:
    custom = {*WATCHED, *TRAINED}
    known = [manifest for manifest in every if manifest["kind"] not in custom]
    for manifest in known:
        kubernetes_validate.validate(manifest, version, strict=True)
    assert {"Deployment", "NetworkPolicy", "StatefulSet", "Ingress"} <= {manifest["kind"] for manifest in known}


def test_a_misspelt_field_is_refused(overlays: dict[str, list[Manifest]]) -> None:
    wrong = copy.deepcopy(named(overlays["laptop"], "Deployment", "mlflow"))
    wrong["spec"]["replica"] = wrong["spec"].pop("replicas")
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(wrong, NEWEST[1], strict=True)


def test_what_prometheus_is_told_is_what_its_operator_reads(every: list[Manifest]) -> None:
    told = list(of_kind(every, *WATCHED))
    assert {manifest["kind"] for manifest in told} == set(WATCHED)
    assert [fault for manifest in told for fault in faults_of(manifest)] == []


@pytest.mark.parametrize(
    ("kind", "name", "path", "value"),
    [
        ("PrometheusRule", "desta", ("groups", 0, "rules", 0, "exprs"), "vector(0)"),
        ("PrometheusRule", "desta", ("groups", 0, "interval"), "a minute"),
        ("ServiceMonitor", "vllm", ("endpoints", 0, "interval"), 15),
        ("PodMonitor", "exporter", ("endpoints",), []),
    ],
)
def test_what_its_operator_does_not_read_is_refused(
    overlays: dict[str, list[Manifest]], kind: str, name: str, path: tuple[str | int, ...], value: object
) -> None:
    wrong = copy.deepcopy(named(overlays["laptop"], kind, name))
    *before, last = path
    place: Any = wrong["spec"]
    for step in before:
        place = place[step]
    place[last] = value
    assert faults_of(wrong)


def test_what_trainer_is_told_is_what_it_reads(every: list[Manifest]) -> None:
    told = list(of_kind(every, *TRAINED))
    assert {manifest["kind"] for manifest in told} == set(TRAINED)
    for manifest in told:
        assert as_trainer_reads(manifest) == manifest


def test_a_field_of_an_older_trainer_is_seen(overlays: dict[str, list[Manifest]]) -> None:
    old = copy.deepcopy(named(overlays["laptop"], "TrainingRuntime", "desta-deepspeed"))
    old["spec"]["mlPolicy"]["torch"] = {"numProcPerNode": "gpu"}
    assert as_trainer_reads(old) != old


@pytest.mark.parametrize("version", NEWEST)
def test_the_jobs_that_trainer_makes_are_ones_that_kubernetes_accepts(version: str, manifests: list[Manifest]) -> None:
    runtime = named(manifests, "TrainingRuntime", "desta-deepspeed")
    for replicated in runtime["spec"]["template"]["spec"]["replicatedJobs"]:
        template = replicated["template"]
        metadata = {**template["metadata"], "name": replicated["name"]}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}
        kubernetes_validate.validate(job, version, strict=True)


def test_the_example_asks_for_the_runtime_that_is_there(every: list[Manifest]) -> None:
    (job,) = of_kind(every, "TrainJob")
    runtimes = {manifest["metadata"]["name"] for manifest in of_kind(every, "TrainingRuntime")}
    assert job["spec"]["runtimeRef"]["name"] in runtimes
