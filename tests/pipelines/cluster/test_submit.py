"""`desta submit` and `compile --cluster`: what a run on a cluster is asked for, and what is refused before."""

import json
from pathlib import Path

import pytest

from components.core.home import Home
from pipelines.images.records import write_image
from tests.pipelines.cluster.commands import desta, submit
from tests.pipelines.cluster.kubeflow import Kubeflow
from tests.pipelines.cluster.making import write_cluster
from tests.pipelines.images.making import DIGEST, make_image, place_of

pytestmark = pytest.mark.usefixtures("alone")


def test_a_run_is_submitted_with_our_parameters_as_pods_understand_them(
    kubeflow: Kubeflow, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(kubeflow, corpus, "--set", "train_model.steps=7", pipeline_root="s3://bucket/runs") == 0
    assert capsys.readouterr().out == "run-0\n"
    run = kubeflow.runs["run-0"]
    parameters = run["runtime_config"]["parameters"]
    assert parameters["corpora"] == ["/desta/home/corpora/recordings"]
    assert parameters["data_revision"].startswith("corpora:")
    assert parameters["train_model_settings"]["steps"] == 7
    assert parameters["llm"].startswith("pypi://")
    assert run["runtime_config"]["pipeline_root"] == "s3://bucket/runs"
    assert run["service_account"] == "pipeline"
    assert kubeflow.pipelines[0]["namespace"] == kubeflow.experiments[0]["namespace"] == "desta"


def test_the_same_pipeline_is_uploaded_once_and_another_as_another_version(kubeflow: Kubeflow, corpus: Path) -> None:
    for changes in ({}, {}, {"shards": 2}):
        assert submit(kubeflow, corpus, **changes) == 0
    assert (len(kubeflow.pipelines), len(kubeflow.versions), len(kubeflow.runs)) == (1, 2, 3)
    references = [run["pipeline_version_reference"]["pipeline_version_id"] for run in kubeflow.runs.values()]
    assert references == ["version-0", "version-0", "version-1"]
    assert len(kubeflow.experiments) == 1


def test_the_command_line_says_how_many_shards_instead_of_the_profile(kubeflow: Kubeflow, corpus: Path) -> None:
    assert submit(kubeflow, corpus, "--shards", "3", shards=2) == 0
    tasks = kubeflow.versions[0]["documents"][0]["components"]["comp-self-generate"]["dag"]["tasks"]
    (items,) = (task["parameterIterator"]["items"]["raw"] for task in tasks.values() if "parameterIterator" in task)
    assert json.loads(items) == [0, 1, 2]


@pytest.mark.parametrize("shards", ["0", "257", "-1"])
def test_a_number_that_is_none_of_shards_is_one_line_and_asks_the_cluster_nothing(
    kubeflow: Kubeflow, corpus: Path, shards: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(kubeflow, corpus, f"--shards={shards}") == 2
    assert capsys.readouterr().err == f"error: --shards: want 1 to 256, got {shards}\n"
    assert not kubeflow.runs


def test_shards_without_a_cluster_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert desta("compile", str(tmp_path / "alignment.yaml"), "--shards", "2") == 2
    assert capsys.readouterr().err.startswith("error: --shards: only a cluster has them")
    assert desta("compile", str(tmp_path / "a.yaml"), "--shards", "2", "--cluster", str(write_cluster(tmp_path))) == 0
    assert "generate-shard" in (tmp_path / "a.yaml").read_text()


def test_what_runs_are_the_images_that_were_pushed_by_digest(kubeflow: Kubeflow, corpus: Path, home: Home) -> None:
    assert submit(kubeflow, corpus) == 0
    executors = kubeflow.versions[0]["documents"][0]["deploymentSpec"]["executors"]
    assert executors["exec-train-model"]["container"]["image"] == place_of("train_model")
    assert all(executor["container"]["image"].endswith(f"@{DIGEST}") for executor in executors.values())
    write_image(make_image("train_model"), home)
    assert submit(kubeflow, corpus) == 2
    assert len(kubeflow.runs) == 1


def test_a_graph_is_compiled_for_a_cluster_on_the_images_that_were_pushed(tmp_path: Path) -> None:
    words = ("--cluster", str(write_cluster(tmp_path)), "--images", "--kubernetes-manifests")
    assert desta("compile", str(tmp_path / "manifests.yaml"), *words) == 0
    assert f"image: {place_of('train_model')}" in (tmp_path / "manifests.yaml").read_text()


def test_a_cluster_of_one_user_hears_of_no_namespace(kubeflow: Kubeflow, corpus: Path) -> None:
    kubeflow.multi_user = False
    assert submit(kubeflow, corpus) == 0


def test_content_keys_change_with_the_settings_of_a_stage_and_of_those_before_it(
    kubeflow: Kubeflow, corpus: Path
) -> None:
    for words in ((), ("--set", "self_generate.max_tokens=8")):
        assert submit(kubeflow, corpus, *words, kubeflow_cache=True) == 0
    before, after = (
        {
            name: task["cachingOptions"]["cacheKey"]
            for name, task in version["documents"][0]["components"]["comp-exit-handler-1"]["dag"]["tasks"].items()
            if name != "open-run"
        }
        for version in kubeflow.versions
    )
    same = {name for name, key in before.items() if after[name] == key}
    assert same == {"ingest-audio", "extract-metadata"}
    assert len(set(before.values())) == 6


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--llm", "models/mine"), "no pod sees this folder"),
        (("--encoder", "/root/encoder"), "no pod sees this folder"),
        (("--set", "train_model.step=1"), "did you mean"),
        (("--from-published", "spring"), "--corpus"),
    ],
)
def test_what_pods_could_not_do_is_refused_before_anything_is_asked(
    kubeflow: Kubeflow, corpus: Path, words: tuple[str, ...], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(kubeflow, corpus, *words) == 2
    assert line in capsys.readouterr().err
    assert kubeflow.requests == []


def test_a_model_on_a_volume_of_the_pods_is_taken_and_has_no_content_key(kubeflow: Kubeflow, corpus: Path) -> None:
    assert submit(kubeflow, corpus, "--llm", "/desta/models/mine", kubeflow_cache=True) == 0
    tasks = kubeflow.versions[0]["documents"][0]["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    assert {name for name, task in tasks.items() if task["cachingOptions"].get("enableCache")} == {
        "ingest-audio",
        "extract-metadata",
    }


def test_options_of_a_cluster_without_one_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert desta("status", "--host", "http://localhost") == 2
    assert "--host: is for --cluster" in capsys.readouterr().err
    assert desta("compile", str(tmp_path / "a.yaml"), "--kubernetes-manifests") == 2
    assert "--cluster" in capsys.readouterr().err


def test_the_pipeline_of_a_cluster_is_written(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    assert desta("compile", str(file), "--cluster", str(write_cluster(tmp_path)), "--kubernetes-manifests") == 0
    assert "kind: PipelineVersion" in file.read_text()
