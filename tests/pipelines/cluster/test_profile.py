"""A cluster's file is read strictly: every mistake is one line with the file and the key, and no secret is repeated."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.core.contracts.errors import ConfigurationError
from components.core.stages import STAGES
from pipelines.cluster.profile import cluster_at, read_profile
from tests.pipelines.cluster.making import CLUSTERS, content_of, write_cluster

STAGE_PLACES = content_of()["stages"]


@pytest.mark.parametrize("file", sorted(CLUSTERS.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_examples_are_read(file: Path) -> None:
    cluster = read_profile(file)
    assert cluster.name == file.stem
    assert list(cluster.stages) == [stage.name for stage in STAGES]


def _placed(**changes: Any) -> dict[str, Any]:
    return {"stages": {**STAGE_PLACES, "train_model": {**STAGE_PLACES["train_model"], **changes}}}


def _gpu_for(stage: str) -> dict[str, Any]:
    gpu = {"accelerator": {"type": "nvidia.com/gpu", "count": 1}}
    return {"stages": {**STAGE_PLACES, stage: {**STAGE_PLACES[stage], **gpu}}}


GENERATOR = {"pods": "vllm", "service": "generator", "port": 8000, "replicas": 2}
SECRET = {"secret": "vllm", "key": "server-key", "env": "DESTA_SERVER_KEY"}


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"node_pool": "gpu"}, "node_pool: no such key"),
        (_placed(cpus="2"), "stages.train_model.cpus: no such key"),
        (_placed(memory="6GB"), "stages.train_model.memory: .*'6GB'"),
        (_placed(cpu="two"), "stages.train_model.cpu: .*'two'"),
        (_placed(cpu=2), "stages.train_model.cpu: .*'2'"),
        (_placed(timeout_s=0), "stages.train_model.timeout_s: .*'0'"),
        (_placed(accelerator={"type": "gpu", "count": 1}), "stages.train_model.accelerator.type: .*'gpu'"),
        (_placed(tolerations=[{"key": "a", "value": "b"}]), "stages.train_model.tolerations.0: operator Equal"),
        (_placed(retry={"count": -1}), "stages.train_model.retry.count"),
        ({"stages": {"train_model": STAGE_PLACES["train_model"]}}, "evaluate_model is missing"),
        ({"stages": {**STAGE_PLACES, "serve": STAGE_PLACES["train_model"]}}, "serve is no stage"),
        ({"shards": 0}, "shards"),
        ({"shards": 257}, "shards"),
        ({"generator": {**GENERATOR, "replicas": 0}}, "generator.replicas"),
        ({"generator": {**GENERATOR, "service": "http://generator"}}, "generator.service"),
        ({"generator": GENERATOR, **_gpu_for("self_generate")}, "stages.self_generate.accelerator: the servers of gen"),
        (_gpu_for("train_model"), "device: say what the accelerator of stages.train_model is"),
        ({"device": ""}, "device: .*''"),
        ({"secrets": [{**SECRET, "stages": ["generate"]}]}, "secrets.0.stages.0"),
        ({"secrets": [SECRET, SECRET]}, "DESTA_SERVER_KEY is set twice"),
        ({"home": {"claim": "home", "path": "desta/home"}}, "home.path"),
        ({"training": {"nodes": 1}}, "training.nodes: .*'1'"),
        ({"training": {"nodes": 2, "runtimes": "x"}}, "training.runtimes: no such key"),
        ({"pipeline_root": "s3://KEY:SECRET@bucket"}, "pipeline_root"),
    ],
)
def test_a_mistake_is_one_line_with_the_file_and_the_key(changes: dict[str, Any], key: str, tmp_path: Path) -> None:
    file = write_cluster(tmp_path, **changes)
    with pytest.raises(ConfigurationError, match=key) as error:
        read_profile(file)
    assert str(error.value).startswith(f"{file}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "written",
    [
        {"value": "hunter2!", "env": "DESTA_SERVER_KEY"},
        {"secret": "hunter2!", "key": "server-key", "env": "DESTA_SERVER_KEY"},
        {**SECRET, "value": "hunter2!"},
        "hunter2!",
    ],
)
def test_the_value_of_a_secret_is_refused_and_not_repeated(written: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"secrets\.0") as error:
        read_profile(write_cluster(tmp_path, secrets=[written]))
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("text", ["", "- a", "a: [", "name: a\nname: b", "&a [*a]", "\x00"])
def test_what_is_no_profile_is_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=r"cluster\.yaml: ") as error:
        read_profile(file)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_profile(tmp_path / "none.yaml")


def test_a_key_that_is_written_twice_is_not_the_last_of_them(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(yaml.safe_dump(content_of()) + "shards: 2\nshards: 3\n")
    with pytest.raises(ConfigurationError, match="shards is written twice"):
        read_profile(file)


def test_a_cluster_is_named_as_its_file_in_infra_or_by_the_file(tmp_path: Path) -> None:
    assert cluster_at("cloud") == read_profile(CLUSTERS / "cloud.yaml")
    assert cluster_at(str(write_cluster(tmp_path, "cloud", shards=3))).shards == 3


@pytest.mark.parametrize("place", ["moon", "", "/", "../clusters/cloud", "cloud\n", "\x00"])
def test_a_cluster_that_is_not_there_is_one_line_with_those_that_are(place: str) -> None:
    with pytest.raises(ConfigurationError, match="cloud, laptop, onprem"):
        cluster_at(place)
