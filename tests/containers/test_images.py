"""What is in the images, and what is not."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components.core.stages import STAGES
from pipelines.images.building import Ground, build
from pipelines.images.engine import Engine
from pipelines.images.records import CLOSING, IMAGES, Image
from tests.containers.conftest import FOLDER, ROOT
from tests.containers.engine import Podman

pytestmark = pytest.mark.containers

ENDS_A_RUN = (
    "pipelines.bundle.contents",
    "pipelines.bundle.sealing",
    "pipelines.bundle.signing",
    "pipelines.champion",
    "pipelines.cluster.closing",
    "pipelines.ending",
    "pipelines.openlineage.telling",
    "pipelines.track",
)

LOOK = """
import importlib, json, os, shutil, sys
from pathlib import Path

def refused(place):
    try:
        Path(place, "written").write_text("x")
    except OSError:
        return True
    return False

for name in sys.argv[1:]:
    importlib.import_module(name)
top = [path.name for path in Path("/app").iterdir()]
weights = (".safetensors", ".gguf", ".bin", ".pt", ".parquet", ".flac", ".wav")
ours = [path for top in ("/app", "/desta", "/home", "/root", "/srv") for path in Path(top).rglob("*") if path.is_file()]
print(json.dumps({
    "user": os.getuid(),
    "refused": [place for place in ("/", "/app", "/opt/venv", "/etc") if refused(place)],
    "tools": [tool for tool in ("pip", "pip3", "uv", "gcc", "cc", "g++", "make", "ld") if shutil.which(tool)],
    "code": sorted(top) + sorted(path.name for path in Path("/app/components").iterdir() if path.is_dir()),
    "data": [str(path) for path in ours if path.suffix in weights or path.stat().st_size > 2**20],
}))
"""


def looked_at(podman: Podman, image: Image, *modules: str) -> dict[str, Any]:
    """What an image holds, in which these modules of ours are imported."""
    seen = podman.run(image.here, "-c", LOOK, *modules, options=("--entrypoint=python",))
    assert seen.returncode == 0, seen.stderr[-2000:]
    facts: dict[str, Any] = json.loads(seen.stdout.splitlines()[-1])
    return facts


SHUT = {"user": 1000, "refused": ["/", "/app", "/opt/venv", "/etc"], "tools": [], "data": []}


@pytest.mark.parametrize("stage", [stage for stage in IMAGES if stage != CLOSING])
def test_an_image_holds_its_stage_and_nothing_that_it_does_not_need(
    stage: str, images: dict[str, Image], podman: Podman
) -> None:
    files = (ROOT / "components" / stage).glob("[!_]*.py")
    modules = [f"components.{stage}.{file.stem}" for file in files]
    assert looked_at(podman, images[stage], f"components.{stage}.__main__", *modules) == {
        **SHUT,
        "code": ["components", "core", stage],
    }


def test_the_image_of_the_end_of_a_run_holds_all_code_and_imports_what_ends_a_run(
    images: dict[str, Image], podman: Podman
) -> None:
    facts = looked_at(podman, images[CLOSING], *ENDS_A_RUN)
    folders = [folder.name for folder in (ROOT / "components").iterdir() if (folder / "__init__.py").is_file()]
    assert facts == {**SHUT, "code": ["components", "pipelines", *sorted(folders)]}


@pytest.mark.parametrize("stage", [*(stage.name for stage in STAGES), CLOSING])
def test_kubeflow_s_executor_starts_in_the_image(stage: str, images: dict[str, Image], podman: Podman) -> None:
    words = ("-m", "kfp.dsl.executor_main", "--help")
    done = podman.run(images[stage].here, *words, options=("--entrypoint=python3",))
    assert "--function_to_execute" in done.stdout, done.stderr


@pytest.mark.parametrize("stage", IMAGES)
def test_the_bill_of_materials_names_what_the_lock_pins(stage: str, images: dict[str, Image]) -> None:
    bill = json.loads((FOLDER / "home" / "images" / f"{stage}.cdx.json").read_text())
    named = {(_normal(found["name"]), found["version"]) for found in bill["components"]}
    lock = (ROOT / "infra" / "requirements" / "images" / f"{stage}-cpu.txt").read_text().splitlines()
    pins = [line.split(" ;")[0].split("==") for line in lock if line[:1].isalnum() and "sys_platform" not in line]
    assert {(name, version) for name, version in pins} <= named
    assert bill["metadata"]["component"]["version"] == images[stage].tag


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_labels_say_which_code_is_inside(images: dict[str, Image], podman: Podman) -> None:
    for stage, image in images.items():
        (facts,) = json.loads(podman.call("image", "inspect", image.here).stdout)
        assert facts["Labels"] == {"desta.stage": stage, "desta.code_version": image.code_version} | {
            name: value for name, value in facts["Labels"].items() if name.startswith("io.buildah")
        }


def test_what_did_not_change_is_not_built_again(images: dict[str, Image], ground: Ground) -> None:
    from components.core.home import Home

    image, new = build("ingest_audio", ground, Engine("podman"), Home(FOLDER / "home"), ROOT)
    assert (image, new) == (images["ingest_audio"], False)


def test_a_build_that_fails_says_its_last_words(ground: Ground, podman: Podman, tmp_path: Path) -> None:
    del podman
    (tmp_path / "Containerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN echo no such package >&2; exit 7\n")
    program = (
        "from pathlib import Path; from pipelines.images.engine import Engine; "
        f"Engine('podman').build(Path({str(tmp_path)!r}), Path({str(tmp_path / 'Containerfile')!r}), "
        f"'localhost/desta/broken:1', {{'BASE': {ground.base!r}}})"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "no such package" in done.stderr.splitlines()[-1]
