"""The profile `smoke` as a compiled graph, each task in the image that its digest names, pulled from a registry.

Kubeflow's runner of containers may take a task that failed for one that did not, so that results are looked at, and a
run that has to fail is seen to fail.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from components.core.contracts.artifacts import Manifest, read_manifest
from components.core.models.store import StoredModel
from components.core.stages import STAGES, Stage
from pipelines.alignment import compile_alignment
from pipelines.images.records import Image
from pipelines.profiles import smoke
from pipelines.sample_data import sample_corpora
from tests.conftest import MODELS, REPOSITORY
from tests.containers.conftest import FOLDER
from tests.containers.dockerd import docker

pytestmark = [pytest.mark.containers, pytest.mark.timeout(3600)]

USER = 1000
INSIDE = PurePosixPath("/corpora")


@pytest.fixture(scope="module")
def graph(registered: dict[str, Image], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled pipeline: it names every image by its digest in the registry."""
    file = tmp_path_factory.mktemp("graph") / "alignment.yaml"
    compile_alignment(file, images=registered)
    return file


def parameters(corpora: PurePosixPath) -> str:
    folders = [str(corpora / folder.name) for folder in sample_corpora()]
    return json.dumps({**smoke().parameters("none"), "corpora": folders})


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
        return execute(str(graph), str(root), parameters(corpora), json.dumps(mounts), DOCKER_HOST=address)


def manifests(root: Path) -> dict[str, Manifest]:
    """What each stage left, by the stage's name."""
    found = {stage.name: list(root.glob(f"*/{stage.name.replace('_', '-')}/{stage.output}")) for stage in STAGES}
    return {name: read_manifest(folder) for name, folders in found.items() for folder in folders}


@pytest.fixture(scope="module")
def made(
    graph: Path, encoder: StoredModel, llm: StoredModel, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Manifest]:
    """The results of all stages, each made in its container."""
    del encoder, llm
    folder, started_s = tmp_path_factory.mktemp("smoke"), time.monotonic()
    done = in_containers(graph, folder, INSIDE)
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    print(f"smoke run in containers, images pulled: {time.monotonic() - started_s:.0f} s")
    return manifests(folder / "results")


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
    beside = parameters(PurePosixPath(sample_corpora()[0].parent))
    homes = {"DESTA_HOME": str(tmp_path / "home"), "DESTA_MODELS": str(MODELS)}
    done = execute(str(graph), str(tmp_path / "results"), beside, **homes)
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    expected = manifests(tmp_path / "results")
    assert {name: manifest.digest for name, manifest in made.items()} == {
        name: manifest.digest for name, manifest in expected.items()
    }


def test_a_task_that_fails_fails_the_run_and_leaves_nothing(graph: Path, tmp_path: Path) -> None:
    done = in_containers(graph, tmp_path, PurePosixPath("/corpora/none"))
    assert done.returncode != 0
    assert "/corpora/none/" in done.stdout + done.stderr
    assert manifests(tmp_path / "results") == {}
