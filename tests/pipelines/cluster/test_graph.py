"""The compiled pipeline of a cluster: the same graph, every task placed as the profile says, and no secret in it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.core.stages import STAGES, Stage
from pipelines.cluster.graph import compile_on
from pipelines.cluster.profile import ClusterProfile, read_profile
from tests.pipelines.cluster.making import CLUSTERS, make_cluster

Compiled = tuple[dict[str, Any], dict[str, Any]]
TASKS = {"ingest-audio", "extract-metadata", "generate-shard", "validate-data", "train-model", "evaluate-model"}
SMALL = {"merge-shards", "open-run", "close-run"}


@pytest.fixture(scope="module")
def cluster() -> ClusterProfile:
    return read_profile(CLUSTERS / "cloud.yaml")


@pytest.fixture(scope="module")
def compiled(cluster: ClusterProfile, tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    return _compiled(cluster, tmp_path_factory.mktemp("compiled"))


def _compiled(cluster: ClusterProfile, folder: Path) -> Compiled:
    file = folder / "compiled.yaml"
    compile_on(cluster, file, {"ingest_audio": "a" * 64})
    graph, platform = yaml.safe_load_all(file.read_text())
    return graph, platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def _stage(task: str) -> str:
    return "self_generate" if task == "generate-shard" else task.replace("-", "_")


def _tasks(graph: dict[str, Any]) -> dict[str, Any]:
    """Return all tasks at any depth by their names."""
    dags = [graph["root"], *graph["components"].values()]
    return {name: task for part in dags for name, task in part.get("dag", {}).get("tasks", {}).items()}


def _container(graph: dict[str, Any], task: str) -> dict[str, Any]:
    found: dict[str, Any] = graph["deploymentSpec"]["executors"][f"exec-{task}"]["container"]
    return found


def test_every_container_has_its_place_and_no_other_is_there(compiled: Compiled) -> None:
    graph, platform = compiled
    assert set(graph["deploymentSpec"]["executors"]) == set(platform) == {f"exec-{task}" for task in TASKS | SMALL}


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_the_edges_are_those_of_the_table_inside_the_exit_handler(compiled: Compiled, stage: Stage) -> None:
    tasks = compiled[0]["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    assert set(tasks) == {each.name.replace("_", "-") for each in STAGES} | {"open-run"}
    makers = {
        word: source["taskOutputArtifact"]["producerTask"].replace("-", "_")
        for word, source in tasks[stage.name.replace("_", "-")]["inputs"].get("artifacts", {}).items()
    }
    assert makers == stage.inputs


@pytest.mark.parametrize("task", sorted(TASKS | SMALL))
def test_a_task_has_the_resources_retries_time_and_nodes_of_the_profile(
    compiled: Compiled, cluster: ClusterProfile, task: str
) -> None:
    graph, platform = compiled
    wanted = cluster.small if task in SMALL else cluster.pod(_stage(task))
    resources = _container(graph, task)["resources"]
    assert resources["resourceCpuLimit"] == resources["resourceCpuRequest"] == wanted.cpu
    assert resources["resourceMemoryLimit"] == resources["resourceMemoryRequest"] == wanted.memory
    accelerator = resources.get("accelerator")
    gpu = (accelerator["resourceType"], int(accelerator["resourceCount"])) if accelerator else None
    assert gpu == ((wanted.accelerator.type, wanted.accelerator.count) if wanted.accelerator else None)
    assert _tasks(graph)[task]["retryPolicy"] == {
        "maxRetryCount": wanted.retry.count,
        "backoffDuration": f"{wanted.retry.backoff_s}s",
        "backoffFactor": wanted.retry.factor,
        "backoffMaxDuration": f"{wanted.retry.max_s}s",
    }
    place = platform[f"exec-{task}"]
    assert int(place["activeDeadlineSeconds"]) == wanted.timeout_s
    assert place.get("nodeSelector", {}).get("labels", {}) == wanted.node_selector
    tolerations = [t.model_dump(exclude_none=True) for t in wanted.tolerations]
    assert place.get("tolerations", []) == tolerations


@pytest.mark.parametrize("task", sorted(TASKS | SMALL))
def test_a_task_has_the_volumes_account_variables_and_secrets_of_the_namespace(compiled: Compiled, task: str) -> None:
    place = compiled[1][f"exec-{task}"]
    assert {v["constant"]: v["mountPath"] for v in place["pvcMount"]} == {
        "home": "/desta/home",
        "models": "/desta/models",
    }
    assert place["securityContext"] == {"runAsNonRoot": True, "runAsUser": "1000"}
    (variables,) = place["configMapAsEnv"]
    assert variables["configMapName"] == "stages"
    assert {key["configMapKey"] for key in variables["keyToEnv"]} == {
        "DESTA_HOME",
        "DESTA_MODELS",
        "MLFLOW_TRACKING_URI",
    }
    secrets = {(s["secretName"], k["secretKey"], k["envVar"]) for s in place["secretAsEnv"] for k in s["keyToEnv"]}
    of_server = {("vllm", "server-key", "DESTA_SERVER_KEY")} if task == "generate-shard" else set()
    assert secrets == of_server | {
        ("mlflow-runs", "username", "MLFLOW_TRACKING_USERNAME"),
        ("mlflow-runs", "password", "MLFLOW_TRACKING_PASSWORD"),
    }


def test_gpus_of_one_task_have_memory_to_speak_through(tmp_path: Path) -> None:
    _, platform = _compiled(make_cluster(tmp_path, "cloud", training=None), tmp_path)
    mounts = {
        task: [(mount["mountPath"], mount["medium"]) for mount in place.get("emptyDirMounts", [])]
        for task, place in platform.items()
    }
    assert mounts.pop("exec-train-model") == [("/dev/shm", "Memory")]
    assert not any(mounts.values())


def test_the_home_is_the_workspace_and_no_volume_goes_with_the_run(tmp_path: Path) -> None:
    file = tmp_path / "alignment.yaml"
    compile_on(make_cluster(tmp_path, "cloud"), file)
    graph, platform = yaml.safe_load_all(file.read_text())
    assert platform["platforms"]["kubernetes"].keys() == {"deploymentSpec"}, "pipelineConfig would make a workspace"
    assert "workspace" not in str(graph)
    mounted = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()
    assert all("/desta/home" in {volume["mountPath"] for volume in task["pvcMount"]} for task in mounted)


def test_no_secret_that_this_machine_has_gets_into_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("DESTA_SERVER_KEY", "MLFLOW_TRACKING_PASSWORD", "KFP_TOKEN", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "a-secret-of-this-machine")
    file = tmp_path / "alignment.yaml"
    compile_on(make_cluster(tmp_path), file)
    assert "a-secret-of-this-machine" not in file.read_text()


def test_the_task_that_ends_the_run_runs_however_it_went_and_is_never_reused(compiled: Compiled) -> None:
    task = compiled[0]["root"]["dag"]["tasks"]["close-run"]
    assert task["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert task["inputs"]["parameters"]["status"] == {"taskFinalStatus": {"producerTask": "exit-handler-1"}}
    assert not task["cachingOptions"].get("enableCache")


def test_no_stage_begins_before_the_run_because_that_says_which_data_it_reads(compiled: Compiled) -> None:
    tasks = compiled[0]["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    first = tasks["ingest-audio"]
    assert first["dependentTasks"] == ["open-run"]
    assert first["inputs"]["parameters"]["data_revision"] == {
        "taskOutputParameter": {"producerTask": "open-run", "outputParameterKey": "Output"}
    }
    assert not tasks["open-run"]["cachingOptions"].get("enableCache")


@pytest.mark.parametrize("task", sorted(TASKS | SMALL))
def test_a_pod_knows_its_run_by_the_label_that_kubeflow_gives_it(compiled: Compiled, task: str) -> None:
    assert compiled[1][f"exec-{task}"]["fieldPathAsEnv"] == [
        {"name": "DESTA_RUN_ID", "fieldPath": "metadata.labels['pipeline/runid']"}
    ]


def test_kubeflow_reuses_only_what_has_a_content_key(compiled: Compiled) -> None:
    options = {name: task["cachingOptions"] for name, task in _tasks(compiled[0]).items() if "cachingOptions" in task}
    assert options.pop("ingest-audio") == {"enableCache": True, "cacheKey": "a" * 64}
    assert set(options) == (TASKS | SMALL | {"self-generate"}) - {"ingest-audio"}
    assert not any(each.get("enableCache") for each in options.values())


def test_shards_are_counted_once_each_and_put_together_by_one_task_outside_the_handlers_own_loop(
    compiled: Compiled,
) -> None:
    parts = compiled[0]["components"]
    tasks = parts["comp-self-generate"]["dag"]["tasks"]
    (loop,) = (name for name in tasks if name.startswith("for-loop"))
    assert tasks[loop]["parameterIterator"]["items"]["raw"] == str(list(range(8)))
    assert tasks["merge-shards"]["dependentTasks"] == [loop]
    assert not any(name.startswith("for-loop") for name in parts["comp-exit-handler-1"]["dag"]["tasks"])
    (shard,) = parts[f"comp-{loop}"]["dag"]["tasks"].values()
    assert shard["inputs"]["parameters"]["shards"] == {"runtimeValue": {"constant": 8.0}}


def test_one_shard_is_the_plain_stage(tmp_path: Path) -> None:
    file = tmp_path / "alignment.yaml"
    compile_on(make_cluster(tmp_path, "laptop"), file)
    graph, _ = yaml.safe_load_all(file.read_text())
    assert not {"generate-shard", "merge-shards"} & set(_tasks(graph))
    assert "exec-self-generate" in graph["deploymentSpec"]["executors"]


def test_the_same_profile_gives_the_same_bytes(tmp_path: Path) -> None:
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for file in files:
        compile_on(make_cluster(tmp_path, "cloud"), file)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_manifests_are_a_pipeline_and_a_version_named_by_its_content(tmp_path: Path) -> None:
    names = []
    for shards in (1, 2):
        compile_on(make_cluster(tmp_path, shards=shards), tmp_path / "manifests.yaml", manifests=True)
        pipeline, version = yaml.safe_load_all((tmp_path / "manifests.yaml").read_text())
        assert (pipeline["kind"], version["kind"]) == ("Pipeline", "PipelineVersion")
        assert pipeline["metadata"]["namespace"] == version["metadata"]["namespace"] == "desta"
        assert version["spec"]["pipelineName"] == pipeline["metadata"]["name"] == "alignment"
        assert "exec-ingest-audio" in str(version["spec"]["platformSpec"])
        names.append(version["metadata"]["name"])
    assert names[0] != names[1]
