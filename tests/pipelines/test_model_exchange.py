"""Models from upstream's form into ours and back, between the embedded encoder and LLM."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from components.core.contracts.artifacts import open_artifact
from components.core.contracts.errors import ConfigurationError
from components.core.digests import digest_of_file
from components.core.home import Home
from components.core.models.loading import load_llm
from components.core.models.lora import LoraConfig, untrained_lora
from components.core.models.model_artifact import ADAPTER_FILE, load_adapter, read_config, save_model
from components.core.models.store import ENCODER, LLM, StoredModel
from components.core.models.upstream_checkpoint import CONFIG, PREFIX, WEIGHTS
from pipelines.cli import main
from pipelines.journal import Event, read_journal
from pipelines.model_exchange import _hub_id
from tests.core.inference.making import untrained_model
from tests.core.models.test_adapter import make_config
from tests.core.models.test_upstream_checkpoint import FORM, trained_adapter

SIZES = {"encoder_width": 384, "encoder_heads": 6, "llm_width": 576, "qformer_layers": 1, "queries": 8}
IDS = ("--encoder-id", "openai/whisper-tiny", "--llm-id", "org/llm")

pytestmark = pytest.mark.usefixtures("home")


def make_model(folder: Path, encoder: StoredModel, llm: StoredModel, **changes: object) -> Path:
    adapter = trained_adapter(make_config(**{**SIZES, **FORM, **changes}))
    config = read_config(untrained_model(folder, encoder, llm))
    save_model(folder, adapter, config.model_copy(update={"adapter": adapter.config}))
    return folder


def desta(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    """Run `desta model`; what it says stands on one stream."""
    with pytest.raises(SystemExit) as ended:
        main(["model", *map(str, words)])
    said = capsys.readouterr()
    assert not (said.out and said.err)
    return int(ended.value.code or 0), said.out or said.err


def test_a_model_goes_out_and_comes_back_with_the_same_weights(
    encoder: StoredModel, llm: StoredModel, home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs, back = make_model(tmp_path / "ours", encoder, llm), tmp_path / "theirs", tmp_path / "back"

    code, exported = desta(capsys, "export", ours, "--to", theirs, *IDS, "--json")
    assert (code, json.loads(exported)["upstream_llm"]) == (0, "org/llm")
    told = {"model": digest_of_file(ours / ADAPTER_FILE), "format": "upstream", "folder": str(theirs)}
    assert [(entry.event, entry.facts) for entry in read_journal(home)] == [
        (Event.EXPORT_STARTED, told),
        (Event.EXPORTED, told),
    ]
    assert json.loads((theirs / CONFIG).read_text())["placeholder_token"] == "<file_sep>"
    code, imported = desta(capsys, "import", theirs, "--encoder", ENCODER, "--llm", LLM, "--to", back)
    assert code == 0
    assert imported.splitlines()[2] == "upstream openai/whisper-tiny and org/llm"

    before, after = load_file(ours / ADAPTER_FILE), load_file(back / ADAPTER_FILE)
    assert set(before) == set(after)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert load_file(theirs / WEIGHTS).keys() == {PREFIX + name for name in before}


def test_an_imported_model_says_so(
    encoder: StoredModel, llm: StoredModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs, back = tmp_path / "theirs", tmp_path / "back"
    desta(capsys, "export", make_model(tmp_path / "ours", encoder, llm), "--to", theirs, *IDS)
    desta(capsys, "import", theirs, "--encoder", ENCODER, "--llm", LLM, "--to", back)

    config, manifest = read_config(back), open_artifact(back, "model").manifest
    files = {name: digest_of_file(theirs / name) for name in (CONFIG, WEIGHTS)}
    assert (config.accepted, config.steps, config.encoder, config.llm) == (None, 0, encoder.digest, llm.digest)
    assert config.imported
    assert config.imported.files == files == manifest.lineage.sources
    assert (config.imported.encoder_model_id, config.imported.llm_model_id) == ("openai/whisper-tiny", "org/llm")
    states, frames = torch.randn(1, 4, 6, 384), torch.tensor([6])
    heard = [load_adapter(folder, read_config(folder)).eval()(states, frames) for folder in (tmp_path / "ours", back)]
    assert torch.equal(*heard)


def test_a_model_that_upstream_cannot_say_is_not_exported(
    encoder: StoredModel, llm: StoredModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = make_model(tmp_path / "ours", encoder, llm, mask_frames=True, normalise=True)

    code, said = desta(capsys, "export", ours, "--to", tmp_path / "theirs", *IDS)

    assert code == 2
    assert said.startswith("error: upstream's form cannot say mask_frames=True (there False); normalise=True")
    assert said.count("\n") == 1
    assert not (tmp_path / "theirs").exists()


def test_a_lora_is_not_exported(
    encoder: StoredModel, llm: StoredModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = make_model(tmp_path / "ours", encoder, llm)
    lora = untrained_lora(load_llm(llm.folder), LoraConfig(rank=2, alpha=2, dropout=0.0, init_seed=0))
    config = read_config(ours).model_copy(update={"lora": lora.config})
    save_model(ours, load_adapter(ours, config), config, lora)
    capsys.readouterr()  # loading the LLM draws a bar

    code, said = desta(capsys, "export", ours, "--to", tmp_path / "theirs", *IDS)

    assert code == 2
    assert said.startswith(f"error: {ours}: trained with LoRA (rank 2), and under which names upstream reads one")
    assert said.count("\n") == 1
    assert not (tmp_path / "theirs").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), f"--encoder-id: the model's encoder came from {ENCODER}, which is no repository of a hub"),
        (IDS[:2], f"--llm-id: the model's llm came from {LLM}, which is no repository of a hub"),
        ((*IDS, "--placeholder-token", "two words"), "--placeholder-token: two words is not one token of "),
        (("--encoder-id", "openai/whisper-tiny.en", *IDS[2:]), "--encoder-id openai/whisper-tiny.en: upstream's code"),
    ],
)
def test_a_name_that_upstream_needs_is_asked_for(
    words: tuple[str, ...],
    said: str,
    encoder: StoredModel,
    llm: StoredModel,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ours = make_model(tmp_path / "ours", encoder, llm)

    code, line = desta(capsys, "export", ours, "--to", tmp_path / "theirs", *words)

    assert code == 2
    assert line.startswith(f"error: {said}")


def test_a_hub_reference_is_the_id_that_upstream_loads() -> None:
    assert _hub_id(StoredModel("hf://openai/whisper-tiny@main", Path(), "0" * 64), "encoder") == "openai/whisper-tiny"
    with pytest.raises(ConfigurationError, match="--llm-id: the model's llm came from some/folder, which is no repo"):
        _hub_id(StoredModel("some/folder", Path(), "0" * 64), "llm")


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("export", "x"), ("import", "x", "--encoder", ENCODER, "--llm", LLM)):
        code, said = desta(capsys, *words, "--to", tmp_path)
        assert (code, said) == (2, f"error: {tmp_path}: exists; name a folder that does not exist yet\n")


def test_a_swapped_encoder_and_language_model_are_noticed(
    encoder: StoredModel, llm: StoredModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = tmp_path / "theirs"
    desta(capsys, "export", make_model(tmp_path / "ours", encoder, llm), "--to", theirs, *IDS)

    code, said = desta(capsys, "import", theirs, "--encoder", LLM, "--llm", ENCODER, "--to", tmp_path / "back")

    assert code == 2
    assert "--encoder: the adapter hears openai/whisper-tiny: want model_type whisper, got llama" in said
