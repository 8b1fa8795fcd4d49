"""What the pods are told to run, read by the programs that run it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.config import Config
from mlflow.cli import server
from torch.distributed.run import get_args_parser

from components.self_generate.serve import parser
from tests.infra.kubernetes.policy import templates
from tests.infra.kubernetes.rendering import FOLDER, Manifest, named, of_kind


def container(manifests: list[Manifest], owner: str) -> dict[str, Any]:
    """Return the one container of a pod."""
    (pod,) = (pod for pod in templates(manifests) if pod.owner == owner)
    return dict(pod.containers[0])


def test_a_node_of_a_training_reads_who_it_is_from_what_trainer_sets(
    manifests: list[Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"NNODES": "2", "NPROC_PER_NODE": "1", "NODE_RANK": "1", "MASTER_ADDR": "train-node-0-0.train"}
    for name, value in {**told, "MASTER_PORT": "29500"}.items():
        monkeypatch.setenv(f"PET_{name}", value)
    job = yaml.safe_load((FOLDER / "examples" / "trainjob.yaml").read_text())
    python, flag, launcher, *flags = container(manifests, "TrainingRuntime/desta-deepspeed")["command"]
    assert [python, flag, launcher] == ["python", "-m", "torch.distributed.run"]
    read = get_args_parser().parse_args([*flags, *job["spec"]["trainer"]["args"]])
    assert (read.nnodes, read.nproc_per_node, str(read.node_rank)) == ("2", "1", "1")
    assert (read.master_addr, read.master_port) == ("train-node-0-0.train", 29500)
    assert (read.module, read.training_script) == (True, "components.train_model.worker")
    assert read.training_script_args == ["/desta/home/FOLDER/job.json"]


def test_the_server_of_the_backbone_reads_its_flags(manifests: list[Manifest]) -> None:
    settings = named(manifests, "ConfigMap", "vllm")["data"]
    vllm = container(manifests, "Deployment/vllm")
    assert vllm["command"] == ["python", "-m", "components.self_generate.serve"]
    argv = [settings[flag[2:-1]] if flag.startswith("$(") else flag for flag in vllm["args"]]
    read = parser().parse_args(argv)
    assert (read.llm, str(read.window_tokens)) == (settings["LLM"], settings["WINDOW_TOKENS"])
    assert (read.host, read.port) == ("0.0.0.0", 8000)  # noqa: S104 (a policy says who reaches it)


def test_mlflow_reads_its_flags(manifests: list[Manifest]) -> None:
    read = server.make_context("server", container(manifests, "Deployment/mlflow")["args"]).params
    assert (read["app_name"], read["serve_artifacts"], int(read["port"])) == ("basic-auth", True, 5000)


def test_mlflow_names_the_variables_that_its_flags_are_read_from(manifests: list[Manifest]) -> None:
    mlflow = container(manifests, "Deployment/mlflow")
    given = {variable["name"] for variable in mlflow["env"]}
    for source in mlflow["envFrom"]:
        given |= named(manifests, "ConfigMap", source["configMapRef"]["name"])["data"].keys()
    read_from = {option.envvar for option in server.params if isinstance(option.envvar, str)}
    wanted = {"MLFLOW_BACKEND_STORE_URI", "MLFLOW_ARTIFACTS_DESTINATION", "MLFLOW_SERVER_ALLOWED_HOSTS"}
    assert wanted <= given & read_from


def test_dvc_reads_its_remote(manifests: list[Manifest], tmp_path: Path) -> None:
    text = named(manifests, "ConfigMap", "data-remote")["data"]["config.local"]
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config.local").write_text(text)
    read = Config(str(tmp_path / ".dvc"))
    assert read["core"]["remote"] == "shared"
    assert read["remote"]["shared"]["url"].startswith("s3://")


def test_a_stage_is_told_where_its_home_is_as_the_nodes_of_a_training_are(manifests: list[Manifest]) -> None:
    (runtime,) = of_kind(manifests, "TrainingRuntime")
    node = container([runtime], "TrainingRuntime/desta-deepspeed")
    told = {variable["name"]: variable["value"] for variable in node["env"]}
    stages = named(manifests, "ConfigMap", "stages")["data"]
    places = ("DESTA_HOME", "DESTA_MODELS")
    assert {name: told[name] for name in places} == {name: stages[name] for name in places}
    assert {mount["mountPath"] for mount in node["volumeMounts"]} >= {stages[name] for name in places}
