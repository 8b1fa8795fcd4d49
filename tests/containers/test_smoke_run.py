"""The profile `smoke` as a cluster runs it, each task in the image that its digest names, pulled from a registry.

Kubeflow's runner of containers may take a task that failed for one that did not, so that results are looked at, and a
run that has to fail is seen to fail.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from components.core.contracts.artifacts import Manifest, open_artifact, read_manifest
from components.core.contracts.records import Sample
from components.core.home import Home
from components.core.models.store import StoredModel
from components.core.stages import STAGES, Stage
from components.self_generate.shards import SHARD
from pipelines.cluster.graph import compile_on
from pipelines.cluster.recording import LATEST
from pipelines.cluster.submitting import parameters_on, placed_on
from pipelines.cost.devices import CORE
from pipelines.images.records import Image
from pipelines.profiles import smoke
from pipelines.sample_data import sample_corpora
from tests.conftest import MODELS, REPOSITORY
from tests.containers.conftest import FOLDER
from tests.containers.dockerd import docker
from tests.containers.execute import RUN
from tests.desta_command import Desta
from tests.pipelines.cluster.making import make_cluster

pytestmark = [pytest.mark.containers, pytest.mark.timeout(3600)]

USER = 1000
SHARDS = 2
INSIDE = PurePosixPath("/corpora")


@pytest.fixture(scope="module")
def graph(registered: dict[str, Image], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline that `desta submit` uploads: it names every image by its digest in the registry."""
    folder = tmp_path_factory.mktemp("graph")
    compile_on(make_cluster(folder, shards=SHARDS), folder / "alignment.yaml", images=registered)
    return folder / "alignment.yaml"


def parameters(corpora: PurePosixPath, folder: Path) -> str:
    cluster = make_cluster(folder, corpora=str(corpora))
    return json.dumps(parameters_on(placed_on(smoke(), cluster), cluster, LATEST))


def execute(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return subprocess.run(
        [sys.executable, "-m", "tests.containers.execute", *words],
        env={**os.environ, "PATH": path, **environment},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def in_containers(graph: Path, folder: Path, corpora: PurePosixPath) -> "subprocess.CompletedProcess[str]":
    """Run the graph with a home and a place for results that only the user of the images owns."""
    home, root = folder / "home", folder / "results"
    for place in (home, root):
        place.mkdir()
        os.chown(place, USER, USER)
    mounts: dict[str, Any] = {
        "/desta": (str(home), False),
        "/desta/models": (str(MODELS.resolve()), True),
        str(INSIDE): (str(sample_corpora()[0].parent.resolve()), True),
    }
    with docker(FOLDER / "docker") as address:
        return execute(str(graph), str(root), parameters(corpora, folder), json.dumps(mounts), DOCKER_HOST=address)


def manifests(root: Path) -> dict[str, Manifest]:
    """What each stage left, by the stage's name; shards are no stage's."""
    found = [read_manifest(file.parent) for file in root.rglob("manifest.json")]
    return {stage.name: each for stage in STAGES for each in found if each.kind == stage.output}


def a_sample_of(home: Home) -> Sample:
    """One of the merged samples of a home; its records name folders as its pods saw them."""
    (folder,) = (file.parent for file in home.store.glob("self_generate/*/manifest.json") if not is_shard(file.parent))
    return next(open_artifact(folder, "samples").read(Sample))


def is_shard(folder: Path) -> bool:
    return read_manifest(folder).kind == SHARD


@pytest.fixture(scope="module")
def ran(graph: Path, encoder: StoredModel, llm: StoredModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tasks left what each made in its container: the home that they share, and the results."""
    del encoder, llm
    folder, started_s = tmp_path_factory.mktemp("smoke"), time.monotonic()
    done = in_containers(graph, folder, INSIDE)
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    assert 'desta: run ended: {"state":"succeeded"' in done.stdout + done.stderr
    print(f"smoke run in containers, images pulled: {time.monotonic() - started_s:.0f} s")
    return folder


@pytest.fixture(scope="module")
def made(ran: Path) -> dict[str, Manifest]:
    """The results of all stages."""
    return manifests(ran / "results")


def test_every_stage_leaves_its_result(made: dict[str, Manifest]) -> None:
    assert {name: manifest.kind for name, manifest in made.items()} == {stage.name: stage.output for stage in STAGES}
    assert made["ingest_audio"].counts.rows_out > 0
    assert made["validate_data"].counts.rows_out > 0


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_each_result_is_made_from_those_before_it_by_the_code_of_its_image(
    stage: Stage, made: dict[str, Manifest], registered: dict[str, Image]
) -> None:
    lineage = made[stage.name].lineage
    assert lineage.inputs == {word: made[name].digest for word, name in stage.inputs.items()}
    assert lineage.code == registered[stage.name].code_version


def test_the_results_are_those_of_a_run_without_containers(
    made: dict[str, Manifest], graph: Path, tmp_path: Path
) -> None:
    beside = parameters(PurePosixPath(sample_corpora()[0].parent), tmp_path)
    homes = {"DESTA_HOME": str(tmp_path / "home"), "DESTA_MODELS": str(MODELS)}
    done = execute(str(graph), str(tmp_path / "results"), beside, **homes)
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    expected = manifests(tmp_path / "results")
    assert {name: manifest.digest for name, manifest in made.items()} == {
        name: manifest.digest for name, manifest in expected.items()
    }


def test_the_first_and_the_last_task_leave_the_whole_record_of_the_run(ran: Path, tmp_path: Path) -> None:
    command = Desta(Home(shutil.copytree(ran / "home", tmp_path / "home")), MODELS)
    status = command.json("status", RUN)
    assert (status["state"], status["gate"]["passed"], status["model"]["version"]) == ("succeeded", True, "1")
    assert [stage["state"] for stage in status["stages"].values()] == ["succeeded"] * len(STAGES)
    verified = [each["name"] for each in command.json("verify", "--bundle", RUN)["verified"]]
    assert verified == ["signature", "manifests", "journal", "run"]
    assert command.json("cost", RUN)["device_hours"][CORE] > 0
    trace = command.json("why", a_sample_of(command.home).sample_id)
    assert {"model", "version", "evaluation"} <= {step["kind"] for step in trace["steps"]}


def test_a_task_that_fails_fails_the_run_and_leaves_nothing(graph: Path, tmp_path: Path) -> None:
    done = in_containers(graph, tmp_path, PurePosixPath("/corpora/none"))
    assert done.returncode != 0
    assert "/corpora/none/" in done.stdout + done.stderr
    assert manifests(tmp_path / "results") == {}
