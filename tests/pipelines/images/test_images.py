"""`desta images` without an engine: what decides an image, what is refused, what a graph is told of it."""

import json
from pathlib import Path

import pytest
import yaml

from components.core.contracts.errors import ConfigurationError, ContractError
from components.core.home import Home
from components.core.stages import STAGES
from pipelines.alignment import compile_alignment
from pipelines.cli import main
from pipelines.cluster.graph import compile_on
from pipelines.images.bill import bill_of
from pipelines.images.building import Ground, Inside, tag_of
from pipelines.images.compiled import CODE_VERSION, built_for_the_graph, pushed_for_a_cluster
from pipelines.images.engine import find_engine
from pipelines.images.records import IMAGES, read_images, write_image
from pipelines.sample_data import ROOT
from tests.pipelines.cluster.making import make_cluster
from tests.pipelines.images.making import DIGEST, GROUND, make_image, place_of, write_pushed


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """What decides an image, in a place where it can be changed."""
    for file in (
        *(ROOT / "infra" / "requirements").rglob("*.*"),
        *(ROOT / "components" / "core").rglob("*.*"),
        *(ROOT / "components" / "ingest_audio").rglob("*"),
    ):
        if file.is_file() and file.suffix != ".pyc":
            place = tmp_path / file.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read_bytes())
    return tmp_path


def test_the_tag_is_the_same_wherever_the_checkout_is(copied: Path) -> None:
    assert tag_of("ingest_audio", GROUND, copied) == tag_of("ingest_audio", GROUND, ROOT)


@pytest.mark.parametrize(
    "file",
    [
        "components/core/audio.py",
        "components/core/licences.yaml",
        "components/ingest_audio/stage.py",
        "components/ingest_audio/Containerfile",
        "infra/requirements/cpu.txt",
        "infra/requirements/images/ingest_audio-cpu.txt",
        "infra/requirements/images/install.sh",
    ],
)
def test_whatever_decides_an_image_moves_its_tag(copied: Path, file: str) -> None:
    before = tag_of("ingest_audio", GROUND, copied)
    with (copied / file).open("a") as text:
        text.write("\n")
    assert tag_of("ingest_audio", GROUND, copied) != before


@pytest.mark.parametrize("file", ["components/ingest_audio/README.md", "infra/requirements/gpu.txt"])
def test_what_is_not_inside_leaves_the_tag(copied: Path, file: str) -> None:
    before = tag_of("ingest_audio", GROUND, copied)
    (copied / file).write_text("other words")
    assert tag_of("ingest_audio", GROUND, copied) == before


def test_another_base_is_another_image() -> None:
    other = Ground(base=f"bare@sha256:{'e' * 64}", builder=GROUND.builder, device="cpu")
    assert tag_of("ingest_audio", other, ROOT) != tag_of("ingest_audio", GROUND, ROOT)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["build", "--engine", "podman"], "want --base NAME@sha256:DIGEST"),
        (["build", "--engine", "podman", "--base", "python:3.11-slim"], "--base python:3.11-slim: want NAME@sha256:"),
        (
            ["build", "--engine", "podman", "--base", f"a@{DIGEST}", "--builder", "b"],
            "--builder b: want NAME@sha256:DIGEST",
        ),
        (["build", "ingest"], "ingest: has no image; want ingest_audio, "),
        (["push", "ingest_audio", "--to", "place.test"], "ingest_audio: has no image yet; `desta images build"),
    ],
)
def test_a_mistake_is_one_line(
    argv: list[str],
    said: str,
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    del home
    _engine_that_is_never_called(tmp_path, monkeypatch)
    with pytest.raises(SystemExit) as ended:
        main(["images", *argv])
    err = capsys.readouterr().err
    assert (ended.value.code, err.count("\n")) == (2, 1)
    assert said in err


def _engine_that_is_never_called(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "bin" / "podman"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))


def test_a_machine_without_an_engine_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="podman or docker is not installed"):
        find_engine(None)
    with pytest.raises(ConfigurationError, match=r"images: docker is not installed"):
        find_engine("docker")


def test_the_list_is_what_was_built(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    write_image(make_image(), home)
    with pytest.raises(SystemExit):
        main(["images", "list", "--json"])
    assert json.loads(capsys.readouterr().out) == {"ingest_audio": make_image().model_dump(mode="json")}


def test_a_damaged_record_is_one_line(home: Home) -> None:
    write_image(make_image(), home)
    file = home.root / "images" / "ingest_audio.json"
    file.write_text(file.read_text().replace("size_bytes", "size"))
    with pytest.raises(ContractError, match=r"ingest_audio\.json: not a record of an image"):
        read_images(home)


def test_the_graph_names_images_by_digest_and_the_code_in_them(home: Home, tmp_path: Path) -> None:
    write_pushed(home)
    compile_alignment(tmp_path / "graph.yaml", images=built_for_the_graph(home))
    executors = yaml.safe_load((tmp_path / "graph.yaml").read_text())["deploymentSpec"]["executors"]
    for stage in STAGES:
        container = executors[f"exec-{stage.name.replace('_', '-')}"]["container"]
        assert container["image"] == place_of(stage.name)
        assert container["env"] == [{"name": CODE_VERSION, "value": make_image(stage.name).code_version}]


@pytest.mark.parametrize("shards", [1, 3])
def test_every_task_on_a_cluster_is_in_an_image_by_digest(shards: int, home: Home, tmp_path: Path) -> None:
    write_pushed(home)
    compile_on(make_cluster(tmp_path, shards=shards), tmp_path / "graph.yaml", images=pushed_for_a_cluster(home))
    graph, _ = yaml.safe_load_all((tmp_path / "graph.yaml").read_text())
    executors = graph["deploymentSpec"]["executors"]
    places = {place_of(name) for name in IMAGES}
    assert {executor["container"]["image"] for executor in executors.values()} <= places
    assert all(executor["container"]["env"][-1]["name"] == CODE_VERSION for executor in executors.values())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pushed": None}, "train_model: its image is in no registry; `desta images build` and then"),
        ({"code_version": "e" * 64}, "train_model: its image holds other code than this checkout"),
    ],
)
def test_nothing_is_submitted_in_an_image_that_nodes_cannot_pull_or_of_other_code(
    changes: dict[str, str | None], said: str, home: Home
) -> None:
    write_pushed(home)
    write_image(make_image("train_model", **{"pushed": place_of("train_model"), **changes}), home)
    with pytest.raises(ConfigurationError, match=said):
        pushed_for_a_cluster(home)


def test_a_graph_with_images_does_not_change_the_next_one(home: Home, tmp_path: Path) -> None:
    compile_alignment(tmp_path / "before.yaml")
    compile_alignment(tmp_path / "with.yaml", images={"ingest_audio": make_image()})
    compile_alignment(tmp_path / "after.yaml")
    assert (tmp_path / "after.yaml").read_text() == (tmp_path / "before.yaml").read_text()
    assert make_image().reference in (tmp_path / "with.yaml").read_text()
    del home


def test_a_graph_is_not_compiled_with_a_part_of_its_images(home: Home) -> None:
    write_image(make_image(), home)
    with pytest.raises(ConfigurationError, match="extract_metadata has no image yet"):
        built_for_the_graph(home)


def test_equal_images_have_equal_bills() -> None:
    first = bill_of(make_image(), {"kfp": "2.17.0", "torch": "2.13.0+cpu"}, {"libc6": "2.36-9"})
    second = bill_of(make_image(), {"torch": "2.13.0+cpu", "kfp": "2.17.0"}, {"libc6": "2.36-9"})
    assert first == second
    purls = {component.get("purl") for component in json.loads(first)["components"]}
    assert {"pkg:pypi/kfp@2.17.0", "pkg:deb/debian/libc6@2.36-9"} <= purls


@pytest.mark.parametrize(
    ("tools", "lacks", "said"),
    [
        (["/usr/bin/pip"], [], "the image has /usr/bin/pip; give a --base without"),
        ([], ["libnuma.so.1"], "the image has no libnuma.so.1; give a --base with it"),
    ],
)
def test_an_image_on_the_wrong_base_is_refused(tools: list[str], lacks: list[str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Inside(distributions={}, system={}, tools=tools, lacks=lacks).check("self_generate")
