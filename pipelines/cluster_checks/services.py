"""Whether what runs talk to is up: MLflow, the server of the backbone, what trains on several nodes, what watches."""

from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

from pipelines.cluster.profile import ClusterProfile
from pipelines.cluster_checks.asking import Json
from pipelines.cluster_checks.checks import Check, Verdict, doubtful, lacking, well
from pipelines.cluster_checks.names import settings_of
from pipelines.cluster_checks.questions import Kinds, Question, Thing

RUNTIME = "desta-deepspeed"
VLLM = "vllm"
TRAINER = Kinds(group="trainer.kubeflow.org", version="v1alpha1")
JOB_SET = Kinds(group="jobset.x-k8s.io", version="v1alpha2")
PROMETHEUS = Kinds(group="monitoring.coreos.com", version="v1")
_WATCHED = ("podmonitors", "prometheusrules", "servicemonitors")
_TRACKING_URI = "MLFLOW_TRACKING_URI"


def service_checks(cluster: ClusterProfile) -> Iterator[Check]:
    """Return the checks of what stands beside the runs."""
    deployments = deployments_of(cluster)
    yield Check("mlflow", [settings_of(cluster), deployments], partial(mlflow, cluster.namespace))
    yield Check("vllm", [deployments, stateful_sets_of(cluster)], partial(vllm, *servers_of(cluster)))
    runtime = runtime_of(cluster)
    asks: list[Question] = [TRAINER, JOB_SET, runtime]
    yield Check("training on several nodes", asks, partial(training, str(runtime.name), training_nodes(cluster)))
    yield Check("storage class", [Thing(group="storage.k8s.io", resource="storageclasses")], storage_class)
    yield Check("monitoring", [PROMETHEUS], monitoring)


def deployments_of(cluster: ClusterProfile) -> Thing:
    """Return where the deployments are."""
    return Thing(group="apps", resource="deployments", namespace=cluster.namespace)


def stateful_sets_of(cluster: ClusterProfile) -> Thing:
    """Return where the stateful sets are."""
    return Thing(group="apps", resource="statefulsets", namespace=cluster.namespace)


def servers_of(cluster: ClusterProfile) -> tuple[str, int]:
    """Return how the servers are called that answer for self_generate, and how many; without any, its pods do."""
    return (cluster.generator.pods, cluster.generator.replicas) if cluster.generator else (VLLM, 0)


def training_nodes(cluster: ClusterProfile) -> int:
    """Return on how many nodes a training of this cluster is."""
    return cluster.training.nodes if cluster.training else 1


def runtime_of(cluster: ClusterProfile) -> Thing:
    """Return where the runtime of trainings is."""
    return Thing(
        group=TRAINER.group,
        version=TRAINER.version,
        resource="trainingruntimes",
        namespace=cluster.namespace,
        name=cluster.training.runtime if cluster.training else RUNTIME,
    )


def mlflow(namespace: str, settings: Json | None, deployments: Json | None) -> Verdict:
    """Judge whether the MLflow that runs write to is up, if it is one of the namespace."""
    uri = ((settings or {}).get("data") or {}).get(_TRACKING_URI, "http://mlflow")
    host = urlsplit(uri).hostname or ""  # the rest of it may hold a password
    name, _, domain = host.partition(".")
    if domain not in {"", namespace, f"{namespace}.svc", f"{namespace}.svc.cluster.local"}:
        return well(f"{host} is not in this namespace, and was not asked")
    deployment = _named(deployments, name)
    if deployment is None:
        return lacking(f"there is no deployment {name}, and runs write to it", "install it, or change the settings")
    return _ready(name, deployment) or well(f"ready, {_replicas(deployment)} of {_wanted(deployment)}")


def vllm(name: str, needed: int, *seen: Json | None) -> Verdict:
    """Judge whether the servers of the backbone are up: all that the profile needs, or those that there are."""
    server = next((found for things in seen if (found := _named(things, name))), None)
    wanted = _wanted(server) if server else 0
    if needed > wanted:
        return lacking(
            f"the profile asks {needed} servers, and there are {wanted}",
            f"set `replicas` of {name} in the overlay, or `generator` of the profile",
        )
    if not server or not wanted:
        return well("at rest: runs answer in their own pods" if server else "none here: runs answer in their own pods")
    if (ready := _replicas(server)) < max(needed, 1):
        return lacking(
            f"{name} is not ready, {ready} of {wanted}", f"see `kubectl describe pod -l app.kubernetes.io/name={name}`"
        )
    return well(f"ready, {ready} of {wanted}")


def training(name: str, nodes: int, trainer: Json | None, job_set: Json | None, runtime: Json | None) -> Verdict:
    """Judge whether a training can have several nodes; on one it needs nothing."""
    if trainer is None and nodes == 1:
        return well("no Kubeflow Trainer here, and none is needed: train_model stays on one node")
    lacks = {
        "Kubeflow Trainer's TrainJob is not installed": "trainjobs" not in _resources(trainer),
        "JobSet is not installed": "jobsets" not in _resources(job_set),
        f"there is no TrainingRuntime {name}": runtime is None,
    }
    if said := [what for what, is_so in lacks.items() if is_so]:
        mend = "install Kubeflow Trainer 2.3 or newer with JobSet, and apply the overlay of this cluster"
        if nodes > 1:
            return lacking(f"{'; '.join(said)}: the training on {nodes} nodes would fail", mend)
        return doubtful(f"{'; '.join(said)}: a training on several nodes would fail", mend)
    return well(f"TrainJob, JobSet, {name}")


def storage_class(seen: Json | None) -> Verdict:
    """Judge whether claims that name no class get a volume."""
    classes = (seen or {}).get("items") or []
    mark = "storageclass.kubernetes.io/is-default-class"
    default = [
        each["metadata"]["name"] for each in classes if (each["metadata"].get("annotations") or {}).get(mark) == "true"
    ]
    if default:
        return well(f"{default[0]} by default")
    names = ", ".join(each["metadata"]["name"] for each in classes) or "none at all"
    return doubtful(f"none is the default, there is {names}", "claims without a class wait: name one in the overlay")


def monitoring(seen: Json | None) -> Verdict:
    """Judge whether alerts and board have what they read."""
    if missing := [name for name in _WATCHED if name not in _resources(seen)]:
        return doubtful(
            f"the cluster knows no {', '.join(missing)}: runs go on, and nobody is warned",
            "install the Prometheus operator, 0.80 or newer",
        )
    return well("the Prometheus operator is here")


def _named(things: Json | None, name: str) -> Json | None:
    found = (each for each in (things or {}).get("items") or () if each["metadata"]["name"] == name)
    return next(found, None)


def _wanted(deployment: Json) -> int:
    return int(deployment["spec"].get("replicas", 1))


def _replicas(deployment: Json) -> int:
    return int(deployment.get("status", {}).get("readyReplicas") or 0)


def _ready(name: str, deployment: Json) -> Verdict | None:
    if not _replicas(deployment):
        return lacking(
            f"{name} is not ready, 0 of {_wanted(deployment)}",
            f"see `kubectl describe deployment {name}`, and its logs",
        )
    return None


def _resources(kinds: Json | None) -> set[str]:
    return {each["name"] for each in (kinds or {}).get("resources") or ()}
