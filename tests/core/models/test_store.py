import json
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from components.core import digests
from components.core.contracts.errors import ConfigurationError, ContractError
from components.core.models import conversion, store
from components.core.models.store import (
    LLM,
    StoredModel,
    identity_of,
    open_digest,
    open_model,
    portable_ref,
    read_model_manifest,
    resolve_model,
)
from tests.core.models.model_folder import make_model_folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def model(tmp_path: Path, root: Path) -> StoredModel:
    return resolve_model(str(make_model_folder(tmp_path / "source")), root)


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def in_a_process(work: Callable[[], object]) -> BaseProcess:
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    return process


def test_what_is_not_in_the_store_is_fetched_by_a_command_that_the_error_names(root: Path) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{LLM}: not in the model store .*: desta models fetch {LLM}$"):
        open_model(LLM, root)


def test_a_resolved_model_opens(model: StoredModel, root: Path) -> None:
    assert open_model(model.ref, root) == model
    assert model.folder == root / model.digest


def test_a_model_opens_by_its_digest_as_far_as_it_is_there_and_whole(model: StoredModel, root: Path) -> None:
    assert open_digest(model.digest, root) == model
    assert open_digest("f" * 64, root) is None
    flip(model.folder / "tokenizer.json")
    with pytest.raises(ContractError, match=r"tokenizer\.json: content changed"):
        open_digest(model.digest, root)


def test_only_a_reference_that_any_machine_understands_is_passed_on(model: StoredModel, llm: StoredModel) -> None:
    assert portable_ref(model.folder) is None
    assert portable_ref(llm.folder) == LLM


def test_the_marker_lists_every_file(model: StoredModel) -> None:
    manifest = read_model_manifest(model.folder)

    assert {entry.path for entry in manifest.files} == {file.name for file in model.folder.iterdir()} - {"model.json"}
    assert manifest.digest == model.digest
    assert manifest.ref == model.ref


def test_the_licence_comes_from_the_model_card(tmp_path: Path, root: Path) -> None:
    folder = make_model_folder(tmp_path / "source")
    (folder / "README.md").write_text("---\nlibrary_name: transformers\nlicense: apache-2.0\n---\n# A model\n")

    assert read_model_manifest(resolve_model(str(folder), root).folder).licence == "apache-2.0"


def test_the_same_files_are_the_same_model_wherever_they_come_from(model: StoredModel, tmp_path: Path) -> None:
    again = resolve_model(str(make_model_folder(tmp_path / "twin")), model.folder.parent)

    assert again.folder == model.folder
    assert again.ref != model.ref


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "chat_template.jinja"])
def test_a_flipped_byte_is_an_error_that_names_the_file(model: StoredModel, root: Path, name: str) -> None:
    flip(model.folder / name)

    with pytest.raises(ContractError, match=rf"{model.digest}/{name}: content changed .*; remove .* and fetch"):
        open_model(model.ref, root)
    with pytest.raises(ContractError, match=rf"{name}: content changed"):
        resolve_model(model.ref, root)


def test_a_missing_file_is_an_error_that_names_it(model: StoredModel, root: Path) -> None:
    (model.folder / "tokenizer.json").unlink()

    with pytest.raises(ContractError, match=r"tokenizer\.json: missing"):
        open_model(model.ref, root)


def test_an_added_file_is_an_error_that_names_it(model: StoredModel, root: Path) -> None:
    (model.folder / "adapter.safetensors").write_bytes(b"")

    with pytest.raises(ContractError, match=r"adapter\.safetensors: not part of the model"):
        open_model(model.ref, root)


@pytest.mark.parametrize("marker", ["", "{}", "\x00"])
def test_a_damaged_marker_is_an_error_that_names_it(model: StoredModel, root: Path, marker: str) -> None:
    (model.folder / "model.json").write_text(marker)

    with pytest.raises(ContractError, match=r"model\.json: not a model's marker"):
        open_model(model.ref, root)


def test_a_marker_changed_to_fit_a_changed_file_does_not_fit_its_digest(model: StoredModel, root: Path) -> None:
    marker = model.folder / "model.json"
    values = json.loads(marker.read_bytes())
    values["files"][0]["sha256"] = "0" * 64
    marker.write_text(json.dumps(values))

    with pytest.raises(ContractError, match=r"model\.json: does not match its own digest"):
        open_model(model.ref, root)


def test_another_models_folder_under_this_digest_is_refused(model: StoredModel, root: Path, tmp_path: Path) -> None:
    other = resolve_model(str(make_model_folder(tmp_path / "other", weight=0.7)), root)
    shutil.rmtree(model.folder)
    other.folder.rename(model.folder)

    with pytest.raises(ContractError, match=rf"holds the model {other.digest}"):
        open_model(model.ref, root)


def test_what_was_verified_is_hashed_again_only_after_a_write(
    model: StoredModel, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []

    def digest_of_file(path: Path) -> str:
        hashed.append(path.name)
        return digest(path)

    digest = digests.digest_of_file
    monkeypatch.setattr(store, "digest_of_file", digest_of_file)
    open_model(model.ref, root)
    assert "model.safetensors" in hashed, "written a moment ago: it could be written again within the clock's tick"
    monkeypatch.setattr(store, "_SETTLED_S", -1.0)
    open_model(model.ref, root)
    hashed.clear()

    open_model(model.ref, root)
    assert not hashed

    weights = model.folder / "model.safetensors"
    before = weights.stat()
    time.sleep(0.02)
    flip(weights)
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a tool that hides its write would
    with pytest.raises(ContractError, match=r"model\.safetensors: content changed"):
        open_model(model.ref, root)


def test_an_edited_source_folder_is_another_model_and_leaves_the_stored_one_as_it_was(
    model: StoredModel, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "source" / "chat_template.jinja").write_text("{{ messages[0] }}")

    with pytest.raises(ConfigurationError, match="not in the model store"):
        open_model(model.ref, root)
    changed = resolve_model(model.ref, root)

    assert changed.digest != model.digest
    assert (model.folder / "chat_template.jinja").read_text() == "{{ messages }}"


def test_a_model_whose_folder_was_removed_is_fetched_again(model: StoredModel, root: Path) -> None:
    shutil.rmtree(model.folder)

    with pytest.raises(ConfigurationError, match="not in the model store"):
        open_model(model.ref, root)
    assert resolve_model(model.ref, root) == model


def test_a_folder_that_is_no_model_is_refused_by_its_name_and_leaves_nothing(tmp_path: Path, root: Path) -> None:
    folder = make_model_folder(tmp_path / "source")
    (folder / "config.json").unlink()

    with pytest.raises(ConfigurationError, match=rf"^{folder}: no config\.json"):
        resolve_model(str(folder), root)

    assert [path.name for path in root.iterdir()] == [".lock"]


@pytest.mark.parametrize("step", ["fetch", "convert", "_manifest", "canonical_json", "write_file"])
def test_a_killed_resolve_leaves_nothing_that_looks_finished(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    ref = str(make_model_folder(tmp_path / "source"))

    def die(*arguments: object) -> None:
        done(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    done = getattr(store, step)
    with monkeypatch.context() as patch:
        patch.setattr(store, step, die)
        killed = in_a_process(lambda: resolve_model(ref, root))
        killed.join()

    assert killed.exitcode == -signal.SIGKILL
    assert not [path for path in root.glob("[!.]*") if path.name not in {"refs", "seen"}]
    with pytest.raises(ConfigurationError, match="not in the model store"):
        open_model(ref, root)
    assert resolve_model(ref, root) == open_model(ref, root)


def test_processes_that_resolve_at_once_fetch_once_and_all_get_the_model(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = [str(make_model_folder(tmp_path / name, weight=weight)) for name, weight in (("a", 0.1), ("b", 0.2))]
    log = tmp_path / "log"

    def convert(source: Path, target: Path) -> None:
        with log.open("a") as file:
            file.write(f"{source.name}\n")
        time.sleep(0.2)
        convert_as_ever(source, target)

    convert_as_ever = conversion.convert
    monkeypatch.setattr(store, "convert", convert)

    processes = [in_a_process(lambda ref=ref: resolve_model(ref, root)) for ref in refs * 3]  # type: ignore[misc]
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0] * 6
    assert sorted(log.read_text().split()) == ["a", "b"]
    assert len({open_model(ref, root).digest for ref in refs}) == 2


def test_a_store_that_may_only_be_read_still_opens(
    model: StoredModel, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_file(path: Path, _: str) -> None:
        raise OSError(f"{path}: read-only file system")

    monkeypatch.setattr(store, "_SETTLED_S", -1.0)
    monkeypatch.setattr(store, "write_file", write_file)

    assert open_model(model.ref, root) == model


def test_the_identity_changes_with_weights_tokenizer_and_template_only(tmp_path: Path, root: Path) -> None:
    def identity(name: str, changed: str | None) -> tuple[str, str, str]:
        folder = make_model_folder(tmp_path / name, weight=0.9 if changed == "weights" else 0.5)
        if changed and changed != "weights":
            (folder / changed).write_text('{"a": 1}')
        found = identity_of(resolve_model(str(folder), root), "vllm", "0.32.0", "float32")
        return found.weights, found.tokenizer, found.chat_template

    plain = identity("plain", None)
    changes = {
        changed: [a == b for a, b in zip(plain, identity(changed, changed), strict=True)]
        for changed in ("weights", "tokenizer.json", "chat_template.jinja", "generation_config.json")
    }

    assert changes == {
        "weights": [False, True, True],
        "tokenizer.json": [True, False, True],
        "chat_template.jinja": [True, True, False],
        "generation_config.json": [True, True, True],
    }


def test_a_model_without_a_chat_template_has_no_identity_as_a_generator(tmp_path: Path, root: Path) -> None:
    folder = make_model_folder(tmp_path / "whisper", model_type="whisper")
    (folder / "chat_template.jinja").unlink()
    (folder / "preprocessor_config.json").write_text("{}")
    encoder = resolve_model(str(folder), root)

    with pytest.raises(ContractError, match="no chat template"):
        identity_of(encoder, "vllm", "0.32.0", "float32")
