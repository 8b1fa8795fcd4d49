import json
import os
from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.models.conversion import convert
from components.core.models.layout import chat_template, check_folder
from tests.core.models.model_folder import make_model_folder


def test_a_whole_folder_is_accepted(tmp_path: Path) -> None:
    check_folder(make_model_folder(tmp_path / "model"))


@pytest.mark.parametrize(
    ("missing", "complaint"),
    [
        ("config.json", "no config.json"),
        ("model.safetensors", "no safetensors weights"),
        ("tokenizer.json", "no tokenizer"),
        ("chat_template.jinja", "no chat_template.jinja"),
    ],
)
def test_a_folder_that_lacks_a_part_is_refused(tmp_path: Path, missing: str, complaint: str) -> None:
    folder = make_model_folder(tmp_path / "model")
    (folder / missing).unlink()

    with pytest.raises(ConfigurationError, match=f"^{complaint}"):
        check_folder(folder)


def test_an_audio_encoder_needs_its_feature_extractor_and_no_chat_template(tmp_path: Path) -> None:
    folder = make_model_folder(tmp_path / "model", model_type="whisper")
    (folder / "chat_template.jinja").unlink()

    with pytest.raises(ConfigurationError, match=r"^no preprocessor_config\.json"):
        check_folder(folder)

    (folder / "preprocessor_config.json").write_text("{}")
    check_folder(folder)


def test_a_shard_that_the_index_names_has_to_be_there(tmp_path: Path) -> None:
    folder = make_model_folder(tmp_path / "model")
    index = {"weight_map": {"embed": "model.safetensors", "head": "model-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    with pytest.raises(ConfigurationError, match=r"^model-00002\.safetensors: missing"):
        check_folder(folder)


def test_weights_that_are_cut_off_are_refused(tmp_path: Path) -> None:
    folder = make_model_folder(tmp_path / "model")
    os.truncate(folder / "model.safetensors", 100)

    with pytest.raises(ConfigurationError, match=r"^model\.safetensors: not a whole safetensors file"):
        check_folder(folder)


@pytest.mark.parametrize("content", ["{", "[1]", "\x00\xff"])
def test_a_configuration_that_is_no_json_object_is_refused(tmp_path: Path, content: str) -> None:
    folder = make_model_folder(tmp_path / "model")
    (folder / "config.json").write_text(content)

    with pytest.raises(ConfigurationError, match=r"^config\.json: "):
        check_folder(folder)


def test_the_chat_template_may_stand_in_the_tokenizers_configuration(tmp_path: Path) -> None:
    folder = make_model_folder(tmp_path / "model")
    (folder / "chat_template.jinja").unlink()
    named = [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": "hello"}]
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": named}))

    assert chat_template(folder) == "hello"


@pytest.mark.parametrize("pickle", ["pytorch_model.bin", "model.pt", "model.ckpt"])
def test_pickled_weights_are_named_and_never_read(tmp_path: Path, pickle: str) -> None:
    folder = make_model_folder(tmp_path / "model")
    (folder / "model.safetensors").rename(folder / pickle)

    with pytest.raises(ConfigurationError, match=f"^{pickle}: pickled weights"):
        convert(folder, tmp_path)


def test_code_and_pickles_beside_the_weights_stay_behind(tmp_path: Path) -> None:
    folder, target = make_model_folder(tmp_path / "model"), tmp_path / "target"
    target.mkdir()
    for name in ("modeling_custom.py", "training_args.bin", "optimizer.pt", "LICENSE"):
        (folder / name).write_text("x")

    convert(folder, target)

    assert {file.name for file in target.iterdir()} == {
        "LICENSE", "chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json",
    }  # fmt: skip


def test_a_link_out_of_the_folder_is_refused_and_one_inside_is_followed(tmp_path: Path) -> None:
    folder, target = make_model_folder(tmp_path / "model"), tmp_path / "target"
    target.mkdir()
    (folder / "vocab.json").symlink_to(folder / "tokenizer.json")

    convert(folder, target)
    (folder / "merges.txt").symlink_to("/etc/passwd")

    assert not (target / "vocab.json").is_symlink()
    with pytest.raises(ConfigurationError, match=r"^merges\.txt: a link that leads out"):
        convert(folder, target)


def test_several_gguf_files_are_not_guessed_from(tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")

    with pytest.raises(ConfigurationError, match=r"^a\.gguf, b\.gguf: several models"):
        convert(tmp_path, tmp_path)


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^no config\.json"):
        convert(tmp_path, tmp_path)
