"""CTranslate2 Whisper models of any size: the same weights under the names that transformers gives them."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)

from components.core.contracts.errors import ContractError
from components.core.models.container import read_container

_MODEL = "model.bin"
_SETTINGS = "config.json"
_TOKENIZER = "tokenizer.json"
_END = "<|endoftext|>"
_SPECIFICATION = "WhisperSpec"
_MULTILINGUAL_VOCABULARY = 51_865  # the English models have one token fewer, large-v3 one more

# One CTranslate2 module holds the rows of several transformers modules, one after another.
_MODULES: dict[str, tuple[str, ...]] = {
    "conv1": ("conv1",),
    "conv2": ("conv2",),
    "embeddings": ("embed_tokens",),
    "position_encodings": ("embed_positions",),
    "layer_norm": ("layer_norm",),
    "self_attention/layer_norm": ("self_attn_layer_norm",),
    "self_attention/linear_0": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "self_attention/linear_1": ("self_attn.out_proj",),
    "attention/layer_norm": ("encoder_attn_layer_norm",),
    "attention/linear_0": ("encoder_attn.q_proj",),
    "attention/linear_1": ("encoder_attn.k_proj", "encoder_attn.v_proj"),
    "attention/linear_2": ("encoder_attn.out_proj",),
    "ffn/layer_norm": ("final_layer_norm",),
    "ffn/linear_0": ("fc1",),
    "ffn/linear_1": ("fc2",),
}
_LEAVES = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias", "encodings": "weight"}
_TENSOR = re.compile(r"(?P<side>encoder|decoder)/(?:layer_(?P<layer>\d+)/)?(?P<module>.+)/(?P<leaf>\w+)")

# What a decoder declares of itself: the values of the Whisper that transformers implements (activation 3 is GELU), and
# names that change nothing there.
_DECLARED = {
    "decoder/activation": 3,
    "decoder/alibi": 0,
    "decoder/pre_norm": 1,
    "decoder/scale_embeddings": 0,
    "decoder/start_from_zero_embedding": 0,
}
_HEADS = ("encoder/num_heads", "decoder/num_heads")
_WITHOUT_EFFECT = (
    "decoder/alibi_use_positive_positions",
    "decoder/scale_alibi",
    "decoder/alignment_heads",
    "decoder/alignment_layer",
)
_TIED = {"decoder/projection/weight": "decoder/embeddings/weight"}


def convert_whisper(source: Path, target: Path) -> None:
    """Write a Whisper model as fp32 safetensors with its processor and generation settings.

    `source` holds model.bin, config.json and tokenizer.json.

    Raises:
        ContractError: a file is missing, damaged or not Whisper; a tensor has no place; a parameter has no tensor.
    """
    container = read_container(source / _MODEL)
    if container.specification != _SPECIFICATION or container.aliases != _TIED:
        raise ContractError(f"{_MODEL}: want a {_SPECIFICATION} with tied embeddings, got {container.specification}")
    declared = {name: int(tensor) for name, tensor in container.tensors.items() if not tensor.shape}
    _check_declared(declared)
    state = dict(_parameters({n: t for n, t in container.tensors.items() if t.shape}))
    tokens = _special_tokens(source / _TOKENIZER)
    config = _config(state, declared, tokens)
    model = _filled(config, state)
    model.generation_config = _generation_config(config, tokens, _json(source / _SETTINGS))
    model.save_pretrained(target)
    tokenizer = WhisperTokenizer.from_pretrained(source, pad_token=_END)
    WhisperProcessor(WhisperFeatureExtractor(feature_size=config.num_mel_bins), tokenizer).save_pretrained(target)


def _check_declared(declared: Mapping[str, int]) -> None:
    for name, value in declared.items():
        if name not in (*_HEADS, *_WITHOUT_EFFECT) and value != _DECLARED.get(name):
            raise ContractError(f"{_MODEL}: {name} is {value}: not a Whisper that transformers implements")


def _parameters(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield transformers' parameters, in fp32, from CTranslate2's tensors."""
    for name, tensor in tensors.items():
        match = _TENSOR.fullmatch(name)
        modules = _MODULES.get(match["module"]) if match else None
        leaf = _LEAVES.get(match["leaf"]) if match else None
        if match is None or modules is None or leaf is None:
            raise ContractError(f"{_MODEL}: tensor {name}: Whisper has no such tensor")
        if not tensor.is_floating_point():
            raise ContractError(f"{_MODEL}: tensor {name}: quantised to {tensor.dtype}; convert from float weights")
        place = f"model.{match['side']}." + (f"layers.{match['layer']}." if match["layer"] else "")
        if tensor.shape[0] % len(modules):
            raise ContractError(
                f"{_MODEL}: tensor {name}: shape {list(tensor.shape)} does not split {len(modules)} ways"
            )
        for module, part in zip(modules, tensor.chunk(len(modules)), strict=True):
            if module.endswith("k_proj") and leaf == "bias":
                _check_zero(name, part)
            else:
                yield f"{place}{module}.{leaf}", part.float().contiguous()


def _check_zero(name: str, part: Tensor) -> None:
    """Whisper's keys have no bias; the fused tensor pads it with zeros."""
    if part.any():
        raise ContractError(f"{_MODEL}: tensor {name}: a bias on the keys, which Whisper does not have")


def _config(state: Mapping[str, Tensor], declared: Mapping[str, int], tokens: Mapping[str, int]) -> WhisperConfig:
    try:
        vocabulary, width = state["model.decoder.embed_tokens.weight"].shape
        return WhisperConfig(
            vocab_size=vocabulary,
            d_model=width,
            num_mel_bins=state["model.encoder.conv1.weight"].shape[1],
            encoder_layers=_layers(state, "encoder"),
            decoder_layers=_layers(state, "decoder"),
            encoder_attention_heads=declared["encoder/num_heads"],
            decoder_attention_heads=declared["decoder/num_heads"],
            encoder_ffn_dim=state["model.encoder.layers.0.fc1.weight"].shape[0],
            decoder_ffn_dim=state["model.decoder.layers.0.fc1.weight"].shape[0],
            max_source_positions=state["model.encoder.embed_positions.weight"].shape[0],
            max_target_positions=state["model.decoder.embed_positions.weight"].shape[0],
            decoder_start_token_id=_value(tokens, "<|startoftranscript|>", _TOKENIZER),
            eos_token_id=_value(tokens, _END, _TOKENIZER),
            bos_token_id=_value(tokens, _END, _TOKENIZER),
            pad_token_id=_value(tokens, _END, _TOKENIZER),
            begin_suppress_tokens=None,  # the default is the English models'; the generation settings have them
        )
    except (KeyError, IndexError, ValueError) as error:
        raise ContractError(f"{_MODEL}: not a whole Whisper: {error}") from error


def _layers(state: Mapping[str, Tensor], side: str) -> int:
    found = [re.match(rf"model\.{side}\.layers\.(\d+)\.", name) for name in state]
    return len({match[1] for match in found if match})


def _filled(config: WhisperConfig, state: dict[str, Tensor]) -> WhisperForConditionalGeneration:
    """Return the model with every parameter set and every tensor used."""
    try:
        with torch.device("meta"):
            model = WhisperForConditionalGeneration(config)
    except ValueError as error:
        raise ContractError(f"{_MODEL}: not a whole Whisper: {error}") from error
    state = {**state, "proj_out.weight": state["model.decoder.embed_tokens.weight"]}
    wanted = {name: tensor.shape for name, tensor in model.state_dict().items()}
    for name in sorted(wanted.keys() | state.keys()):
        want, have = wanted.get(name), state[name].shape if name in state else None
        if want != have:
            raise ContractError(f"{_MODEL}: {name}: want shape {want and list(want)}, got {have and list(have)}")
    model.load_state_dict(state, assign=True)
    model.tie_weights()
    return model


def _special_tokens(path: Path) -> dict[str, int]:
    return {token["content"]: token["id"] for token in _value(_json(path), "added_tokens", _TOKENIZER)}


def _value(values: Mapping[str, Any], name: str, file: str) -> Any:
    if name not in values:
        raise ContractError(f"{file}: {name} is missing")
    return values[name]


def _generation_config(config: WhisperConfig, tokens: Mapping[str, int], shipped: dict[str, Any]) -> GenerationConfig:
    """Return settings with which `generate` transcribes; a multilingual model also gets its languages and tasks."""
    multilingual = config.vocab_size >= _MULTILINGUAL_VOCABULARY
    languages = {text: number for text, number in tokens.items() if re.fullmatch(r"<\|[a-z]{2,3}\|>", text)}
    tasks = {name: _value(tokens, f"<|{name}|>", _TOKENIZER) for name in ("transcribe", "translate")}
    # Without the task in its prompt, a multilingual model that detects the language itself stammers.
    choices = {"lang_to_id": languages, "task_to_id": tasks, "task": "transcribe"}
    return GenerationConfig(
        decoder_start_token_id=config.decoder_start_token_id,
        eos_token_id=config.eos_token_id,
        bos_token_id=config.bos_token_id,
        pad_token_id=config.pad_token_id,
        max_length=config.max_target_positions,
        suppress_tokens=_value(shipped, "suppress_ids", _SETTINGS),
        begin_suppress_tokens=_value(shipped, "suppress_ids_begin", _SETTINGS),
        alignment_heads=_value(shipped, "alignment_heads", _SETTINGS),
        no_timestamps_token_id=_value(tokens, "<|notimestamps|>", _TOKENIZER),
        prev_sot_token_id=_value(tokens, "<|startofprev|>", _TOKENIZER),
        is_multilingual=multilingual,
        return_timestamps=False,
        **(choices if multilingual else {}),
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ContractError(f"{path.name}: not readable JSON: {error}") from error
    if not isinstance(value, dict):
        raise ContractError(f"{path.name}: want a JSON object, got {type(value).__name__}")
    return value
