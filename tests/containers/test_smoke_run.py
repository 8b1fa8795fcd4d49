"""The profile `smoke`, container by container: each stage in its own image, with its home alone to write to."""

import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from components.core.contracts.artifacts import read_manifest
from components.core.models.store import StoredModel
from components.core.stages import STAGES, Stage, stage_named
from pipelines.images.records import Image
from pipelines.sample_data import sample_corpora
from tests.conftest import MODELS, REPOSITORY
from tests.containers.engine import Podman
from tests.containers.smoke import Place

pytestmark = [pytest.mark.containers, pytest.mark.timeout(3600)]

USER = 1000
INSIDE = Place(corpora=PurePosixPath("/corpora"), results=PurePosixPath("/desta/results"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    os.chown(folder, USER, USER)
    return folder


def run(podman: Podman, image: Image, stage: Stage, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    corpora = sample_corpora()[0].parent
    mounts = (f"{home}:/desta", f"{MODELS.resolve()}:/desta/models:ro", f"{corpora.resolve()}:/corpora:ro")
    options = tuple(f"--volume={mount}" for mount in mounts)
    return podman.run(image.reference, *(words or INSIDE.arguments(stage)), options=options)


@pytest.fixture(scope="module")
def results(
    podman: Podman, images: dict[str, Image], home: Path, encoder: StoredModel, llm: StoredModel
) -> dict[str, Path]:
    """The result of each stage, made in its container."""
    del encoder, llm
    for stage in STAGES:
        done = run(podman, images[stage.name], stage, home)
        assert done.returncode == 0, f"{stage.name}: {done.stderr[-3000:]}"
    return {stage.output: home / "results" / stage.output for stage in STAGES}


def test_every_stage_leaves_its_result(results: dict[str, Path]) -> None:
    manifests = {output: read_manifest(folder) for output, folder in results.items()}
    assert {output: manifest.kind for output, manifest in manifests.items()} == {name: name for name in results}
    assert manifests["clips"].counts.rows_out > 0
    assert manifests["accepted"].counts.rows_out > 0


def test_each_result_is_made_from_those_before_it(results: dict[str, Path]) -> None:
    for stage in STAGES:
        lineage = read_manifest(results[stage.output]).lineage
        made_from = {
            word: read_manifest(results[stage_named(name).output]).digest for word, name in stage.inputs.items()
        }
        assert lineage.inputs == made_from


def test_clips_and_descriptions_are_those_of_a_run_without_containers(results: dict[str, Path], tmp_path: Path) -> None:
    beside = Place(corpora=PurePosixPath(sample_corpora()[0].parent), results=PurePosixPath(tmp_path))
    environment = {**os.environ, "DESTA_HOME": str(tmp_path / "home"), "DESTA_MODELS": str(MODELS)}
    for name in ("ingest_audio", "extract_metadata"):
        stage = stage_named(name)
        command = [sys.executable, "-m", f"components.{name}", *beside.arguments(stage)]
        subprocess.run(command, env=environment, cwd=REPOSITORY, check=True)
        assert read_manifest(tmp_path / stage.output).digest == read_manifest(results[stage.output]).digest


def test_a_stage_that_fails_fails_its_container(podman: Podman, images: dict[str, Image], home: Path) -> None:
    stage = stage_named("ingest_audio")
    done = run(podman, images["ingest_audio"], stage, home, "--corpus", "/corpora/none", "--clips", "/desta/none")
    assert done.returncode == 2
    assert "/corpora/none" in done.stderr
    assert not (home / "none").exists()
