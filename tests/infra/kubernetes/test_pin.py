"""Images are pinned by a command that knows which there are."""

from pathlib import Path

import pytest
import yaml

from components.core.contracts.errors import ConfigurationError
from infra.kubernetes.pin import image_names, pin
from tests.infra.kubernetes.rendering import made_up, unpinned_copy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Manifests without pins."""
    return unpinned_copy(tmp_path / "manifests")


def pins_of(folder: Path) -> list[str]:
    return [f"{name}=place.test/{name}@{made_up(name)}" for name in sorted(image_names(folder))]


def test_the_manifests_name_their_images(folder: Path) -> None:
    stages = {f"desta/python-{stage}" for stage in ("self-generate", "train-model", "evaluate-model")}
    assert image_names(folder) == {"desta/mlflow", "postgres", "seaweedfs", *stages}


def test_a_pin_is_written_as_kustomize_reads_it(folder: Path) -> None:
    pin(folder, pins_of(folder))
    written = yaml.safe_load((folder / "images" / "kustomization.yaml").read_text())
    assert written["kind"] == "Component"
    image = {"name": "postgres", "newName": "place.test/postgres", "digest": made_up("postgres")}
    assert image in written["images"]


def test_what_is_not_named_keeps_its_pin(folder: Path) -> None:
    before = pin(folder, pins_of(folder))
    after = pin(folder, [f"postgres=elsewhere.test/postgres@{made_up('newer')}"])
    assert after == {**before, "postgres": f"elsewhere.test/postgres@{made_up('newer')}"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("postgres=place.test/postgres:17", "want NAME=PLACE@sha256:"),
        ("postgres=place.test/postgres@sha256:abc", "want NAME=PLACE@sha256:"),
        ("postgres", "want NAME=PLACE@sha256:"),
        (
            f"postgresql=place.test/postgres@{made_up('')}",
            "postgresql: no manifest has this image; they have desta/mlflow",
        ),
        (f"postgres=place.test/postgres@{made_up('')}", "no pin of desta/mlflow, desta/python-evaluate-model"),
    ],
)
def test_a_pin_that_is_none_is_refused(folder: Path, text: str, line: str) -> None:
    with pytest.raises(ConfigurationError, match=line):
        pin(folder, [text])
    assert not (folder / "images").exists()


def test_the_server_of_mlflow_has_the_version_of_its_clients() -> None:
    requirements = Path(__file__).resolve().parents[3] / "infra" / "requirements"
    asked = [(requirements / f"{lock}.txt").read_text() for lock in ("cpu", "mlflow")]
    versions = {line.split()[0] for text in asked for line in text.splitlines() if line.startswith("mlflow==")}
    assert len(versions) == 1
