"""Upstream's folders: its names and its arithmetic, and every way in which a folder can be something else."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's own abbreviation
from transformers import BertConfig, LlamaConfig, WhisperConfig, WhisperFeatureExtractor, WhisperModel
from transformers.models.bert.modeling_bert import BertEncoder

from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.contracts.records import SAMPLE_RATE_HZ
from components.core.models.adapter import Adapter, AdapterConfig, untrained_adapter
from components.core.models.encoder import encoder_for
from components.core.models.store import StoredModel
from components.core.models.upstream_checkpoint import (
    CONFIG,
    PREFIX,
    WEIGHTS,
    adapter_of,
    read_upstream_adapter,
    read_upstream_config,
    upstream_config,
    write_upstream,
)
from tests.builders import make_tone
from tests.core.models.test_adapter import make_config

FORM = {"mask_frames": False, "normalise": False, "query_scale": 1.0, "dropout": 0.1, "init_seed": 42}
SMALL = make_config(queries=64, **FORM)
TINY = make_config(encoder_width=384, encoder_heads=6, llm_width=64, queries=64, **FORM)
CONNECTOR = "layer_prompts.0"
BERT_LAYER = (
    *(f"{part}.self.{to}" for part in ("attention", "crossattention") for to in ("query", "key", "value")),
    *(f"{part}.output.{of}" for part in ("attention", "crossattention") for of in ("dense", "LayerNorm")),
    *("intermediate.dense", "output.dense", "output.LayerNorm"),
)


def trained_adapter(config: AdapterConfig) -> Adapter:
    """An adapter whose every tensor has moved."""
    adapter = untrained_adapter(config).eval()
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)))
    return adapter


def write_folder(folder: Path, adapter: Adapter, **changes: Any) -> Path:
    said = upstream_config(TINY, "openai/whisper-tiny", "org/llm", "<|video_pad|>")
    folder.mkdir()
    write_upstream(folder, adapter, said.model_copy(update=changes))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small adapter as upstream saves it; its configuration names whisper-tiny."""
    return write_folder(tmp_path_factory.mktemp("upstream") / "whole", trained_adapter(SMALL))


def of_upstreams_rule(saved: dict[str, Tensor], states: Tensor) -> Tensor:
    """Hear states [B, L, T, D] as the paper and upstream's code say, from the tensors of its file alone."""
    tensors = {name.removeprefix(PREFIX): tensor for name, tensor in saved.items()}
    bert = BertEncoder(
        BertConfig(
            hidden_size=states.shape[-1],
            num_attention_heads=4,
            num_hidden_layers=2,
            is_decoder=True,
            add_cross_attention=True,
            attn_implementation="eager",
        )
    ).eval()
    qformer = {name.removeprefix("qformer."): t for name, t in tensors.items() if name.startswith("qformer.")}
    bert.load_state_dict(qformer, strict=True)
    weights = tensors["layer_weights"].softmax(dim=-1)
    mixed = torch.zeros(())
    for layer in range(states.shape[1]):
        queries = tensors[f"layer_prompts.{layer}"].expand(len(states), -1, -1)
        heard = bert(queries, encoder_hidden_states=states[:, layer]).last_hidden_state
        mixed = mixed + weights[:, layer, None] * heard
    normed = F.layer_norm(mixed, mixed.shape[-1:], tensors["proj.0.weight"], tensors["proj.0.bias"])
    return F.linear(normed, tensors["proj.1.weight"], tensors["proj.1.bias"])


@torch.no_grad()
def test_the_adapter_computes_what_upstreams_rule_says(folder: Path) -> None:
    states = 4 * torch.randn(2, 4, 9, 32, generator=torch.Generator().manual_seed(5))

    ours = trained_adapter(SMALL)(states, torch.tensor([9, 3]))

    assert ours.shape == (2, 64, 48)
    torch.testing.assert_close(ours, of_upstreams_rule(load_file(folder / WEIGHTS), states))


def states_of_upstreams_walk(folder: Path, samples: NDArray[np.float32]) -> Tensor:
    """Walk through Whisper as upstream does, layer by layer over the whole 30 s: states [1, L, 1500, D]."""
    extract, whisper = WhisperFeatureExtractor.from_pretrained(folder), WhisperModel.from_pretrained(folder).encoder
    mel = extract(samples, sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt").input_features
    state = F.gelu(whisper.conv2(F.gelu(whisper.conv1(mel)))).permute(0, 2, 1) + whisper.embed_positions.weight
    states = []
    for layer in whisper.eval().layers:
        state = layer(state, attention_mask=None)
        states.append(state)
    return torch.stack(states, dim=1)


@torch.no_grad()
def test_the_encoder_hears_what_upstreams_walk_hears_padding_included(encoder: StoredModel) -> None:
    samples = make_tone(duration_s=4.0, hertz=300.0)

    heard = encoder_for(TINY, encoder.folder, "cpu").states([samples])

    assert torch.equal(heard, states_of_upstreams_walk(encoder.folder, samples))


def test_the_tensors_have_upstreams_names(folder: Path) -> None:
    parts = [f"qformer.layer.{n}.{part}" for n in range(2) for part in BERT_LAYER] + ["proj.0", "proj.1"]
    names = {f"{part}.{kind}" for part in parts for kind in ("weight", "bias")}

    want = {*names, "layer_weights", *(f"layer_prompts.{n}" for n in range(4))}
    assert set(load_file(folder / WEIGHTS)) == {f"perception.connector.{name}" for name in want}


def test_the_configuration_has_upstreams_fields(folder: Path) -> None:
    assert json.loads((folder / CONFIG).read_text()) == {
        "architectures": ["DeSTA25AudioModel"],
        "model_type": "desta25",
        "connector_mode": "qformer_1",
        "encoder_model_id": "openai/whisper-tiny",
        "llm_model_id": "org/llm",
        "prompt_size": 64,
        "qformer_num_hidden_layers": 2,
        "use_lora": False,
        "audio_locator": "<|AUDIO|>",
        "placeholder_token": "<|video_pad|>",
    }


@torch.no_grad()
def test_what_was_written_is_read_back_bit_by_bit(folder: Path) -> None:
    ours, read = trained_adapter(SMALL), read_upstream_adapter(folder, SMALL).eval()
    states, frames = torch.randn(1, 4, 5, 32), torch.tensor([5])

    assert all(torch.equal(tensor, read.state_dict()[name]) for name, tensor in ours.state_dict().items())
    assert torch.equal(ours(states, frames), read(states, frames))


def test_an_adapter_that_was_read_no_longer_depends_on_its_file(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    read = read_upstream_adapter(copy, SMALL)
    with (copy / WEIGHTS).open("r+b") as file:
        file.write(bytes((copy / WEIGHTS).stat().st_size))

    assert all(
        torch.equal(tensor, read.state_dict()[name]) for name, tensor in trained_adapter(SMALL).state_dict().items()
    )


def test_half_precision_is_widened(folder: Path, tmp_path: Path) -> None:
    halves = {name: tensor.bfloat16() for name, tensor in load_file(folder / WEIGHTS).items()}
    save_file(halves, tmp_path / WEIGHTS)

    read = read_upstream_adapter(tmp_path, SMALL).state_dict()

    assert all(torch.equal(read[name.removeprefix(PREFIX)], half.float()) for name, half in halves.items())


def test_upstreams_configuration_describes_the_adapter(folder: Path) -> None:
    saved = json.loads((folder / CONFIG).read_text())
    # What upstream's own save adds, and nothing here needs.
    saved |= {"encoder_config": {"d_model": 384}, "transformers_version": "4.51.3", "target_layer_ids": [0, 1, 2, 3]}
    (folder.parent / CONFIG).write_text(json.dumps(saved))

    assert adapter_of(read_upstream_config(folder.parent), WhisperConfig(), LlamaConfig(hidden_size=64)) == TINY


Damage = Callable[[dict[str, Tensor]], object]
NAME = PREFIX + CONNECTOR


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda tensors: tensors.pop(NAME), f"{NAME}: missing; config.json asks for [1, 64, 32]"),
        (lambda tensors: tensors.update(more=torch.zeros(1)), "more: unexpected; "),
        (
            lambda tensors: tensors.update({PREFIX + "qformer.layer.2.output.dense.bias": torch.zeros(32)}),
            f"{PREFIX}qformer.layer.2.output.dense.bias: unexpected; ",
        ),
        (
            lambda tensors: tensors.update({NAME: torch.zeros(1, 63, 32)}),
            f"{NAME}: want shape [1, 64, 32], got [1, 63, 32]",
        ),
        (
            lambda tensors: tensors.update({NAME: torch.zeros(1, 64, 32, dtype=torch.int8)}),
            f"{NAME}: want float32, bfloat16 or float16, got torch.int8",
        ),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(damage: Damage, said: str, folder: Path, tmp_path: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    damage(tensors)
    save_file(tensors, tmp_path / WEIGHTS)

    with pytest.raises(SourceError) as refused:
        read_upstream_adapter(tmp_path, SMALL)

    assert str(refused.value).startswith(f"{tmp_path / WEIGHTS}: {said}")


def test_a_pickle_is_not_read(folder: Path, tmp_path: Path) -> None:
    torch.save(load_file(folder / WEIGHTS), tmp_path / "pytorch_model.bin")
    with pytest.raises(SourceError, match=r"missing; .*pytorch_model\.bin: never read, since a pickle can run code"):
        read_upstream_adapter(tmp_path, SMALL)

    shutil.copyfile(tmp_path / "pytorch_model.bin", tmp_path / WEIGHTS)
    with pytest.raises(SourceError, match="not a whole safetensors file"):
        read_upstream_adapter(tmp_path, SMALL)


def test_half_a_file_is_not_read(folder: Path, tmp_path: Path) -> None:
    whole = (folder / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(whole[: len(whole) // 2])

    with pytest.raises(SourceError, match="not a whole safetensors file"):
        read_upstream_adapter(tmp_path, SMALL)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prompt_size": None}, "prompt_size: Input should be a valid integer, got None"),
        ({"prompt_size": ...}, "prompt_size: Field required"),
        ({"qformer_num_hidden_layers": 0}, "qformer_num_hidden_layers: Input should be greater than or equal to 1"),
        ({"connector_mode": "orca_hybrid"}, "connector_mode: Input should be 'qformer_1', got 'orca_hybrid'"),
        ({"use_lora": True}, "use_lora: Input should be False, got True"),
        ({"model_type": "llama"}, "model_type: Input should be 'desta25', got 'llama'"),
    ],
)
def test_a_configuration_of_something_else_is_refused(
    changes: dict[str, Any], said: str, folder: Path, tmp_path: Path
) -> None:
    saved = {**json.loads((folder / CONFIG).read_text()), **changes}
    (tmp_path / CONFIG).write_text(json.dumps({name: value for name, value in saved.items() if value is not ...}))

    with pytest.raises(SourceError) as refused:
        read_upstream_config(tmp_path)

    assert str(refused.value).startswith(f"{tmp_path / CONFIG}: not an adapter of upstream's: {said}")


@pytest.mark.parametrize(
    ("text", "said"), [(b"{", "not JSON: "), (b"\xff", "not JSON: "), (b"[]", "content: "), (None, "No such file")]
)
def test_what_is_no_configuration_at_all_is_refused(text: bytes | None, said: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / CONFIG).write_bytes(text)

    with pytest.raises(SourceError, match=said):
        read_upstream_config(tmp_path)


def test_an_adapter_of_another_encoder_is_refused(folder: Path) -> None:
    said, llm = read_upstream_config(folder), LlamaConfig(hidden_size=64)
    named = said.model_copy(update={"encoder_model_id": "openai/whisper-small"})
    unknown = said.model_copy(update={"encoder_model_id": "org/llm"})
    elsewhere = said.model_copy(update={"target_layer_ids": [2, 3]})

    with pytest.raises(ConfigurationError, match="hears openai/whisper-small: want d_model 768, got 384"):
        adapter_of(named, WhisperConfig(), llm)
    with pytest.raises(ConfigurationError, match="want model_type whisper, got llama"):
        adapter_of(said, llm, llm)
    with pytest.raises(SourceError, match="not a Whisper that is known here, got 'org/llm'"):
        adapter_of(unknown, WhisperConfig(), llm)
    with pytest.raises(SourceError, match=r"want \[0, 1, 2, 3\], those of openai/whisper-tiny, got \[2, 3\]"):
        adapter_of(elsewhere, WhisperConfig(), llm)


def test_what_upstream_cannot_say_is_named() -> None:
    ours = TINY.model_copy(update={"mask_frames": True, "normalise": True, "tapped_layers": (1, 3)})

    with pytest.raises(ConfigurationError) as refused:
        upstream_config(ours, "openai/whisper-tiny", "Qwen/Qwen3-0.6B", "<|video_pad|>")

    assert str(refused.value).startswith(
        "upstream's form cannot say mask_frames=True (there False); normalise=True (there False); "
        "tapped_layers=(1, 3) (there (0, 1, 2, 3)); llm_width=64 (there 1024); train such a model"
    )
    with pytest.raises(ConfigurationError, match="--encoder-id openai/whisper-base: upstream's code knows none but "):
        upstream_config(ours, "openai/whisper-base", "org/llm", "<|video_pad|>")
