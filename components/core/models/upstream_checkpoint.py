"""Upstream's adapter folders, read strictly and written as its `from_pretrained` loads them.

    config.json        which two models, how many queries and Q-Former layers
    model.safetensors  the trained tensors, their names below `perception.connector.`

Upstream loads without being strict, so that a name it does not know is lost in silence: here every name and shape
counts. Source: DeSTA2.5-Audio, `desta/models/modeling_desta25.py` (DeSTA25Config, QformerConnector, from_pretrained).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers import PretrainedConfig

from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.contracts.records import AUDIO_LOCATOR
from components.core.models.adapter import TAPPED_LAYERS, Adapter, AdapterConfig
from components.core.models.known_models import known_sizes
from components.core.models.layout import pickles_in
from components.core.publishing import write_file

CONFIG, WEIGHTS = "config.json", "model.safetensors"
PREFIX = "perception.connector."
ENCODERS = ("openai/whisper-tiny", "openai/whisper-small", "openai/whisper-medium", "openai/whisper-large-v3")
"""The hub ids that upstream's code knows which layers to tap of; it compares the id, not the sizes."""

# The last three a checkpoint does not say, and inference does not need: how upstream's training begins.
_FORM: Mapping[str, Any] = {
    "mask_frames": False,
    "normalise": False,
    "feature_scale": 1.0,
    "query_scale": 1.0,
    "dropout": 0.1,
    "init_seed": 42,
}
_PRECISIONS = (torch.float32, torch.bfloat16, torch.float16)


class UpstreamConfig(BaseModel):
    """What decides the tensors in upstream's configuration, and what its inference needs; the rest is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    model_type: Literal["desta25"]
    connector_mode: Literal["qformer_1"]
    encoder_model_id: str
    llm_model_id: str
    prompt_size: int = Field(ge=1)
    qformer_num_hidden_layers: int = Field(ge=1)
    use_lora: Literal[False] = False
    audio_locator: str = AUDIO_LOCATOR
    placeholder_token: str = "<|reserved_special_token_87|>"
    target_layer_ids: list[int] | None = None


def read_upstream_config(folder: Path) -> UpstreamConfig:
    """Read upstream's configuration.

    Raises:
        ConfigurationError: there is no such folder.
        SourceError: it is missing, not JSON, of another connector, or lacks a field that decides the tensors.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: no such folder; name one that upstream saved")
    file = folder / CONFIG
    try:
        return UpstreamConfig.model_validate(json.loads(file.read_bytes()))
    except OSError as error:
        raise SourceError(f"{file}: cannot be read: {error.strerror}; want a folder that upstream saved") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field, found = ".".join(map(str, first["loc"])), first["input"]
        got = "" if first["type"] == "missing" else f", got {found!r}"
        raise SourceError(f"{file}: not an adapter of upstream's: {field or 'content'}: {first['msg']}{got}") from error
    except ValueError as error:
        raise SourceError(f"{file}: not JSON: {error}") from error


def adapter_of(upstream: UpstreamConfig, encoder: PretrainedConfig, llm: PretrainedConfig) -> AdapterConfig:
    """Return the adapter that a configuration of upstream's describes, between two models as large as it names.

    Raises:
        ConfigurationError: the encoder is not of the size of the one that the configuration names.
        SourceError: nothing is known of that one, or its layers are not those that the configuration says.
    """
    named = upstream.encoder_model_id
    sizes = known_sizes().get(named, {})
    if sizes.get("model_type") != "whisper":
        raise SourceError(f"{CONFIG}: encoder_model_id: not a Whisper that is known here, got {named!r}")
    for size in ("model_type", "d_model", "encoder_layers", "encoder_attention_heads"):
        if (got := getattr(encoder, size)) != sizes[size]:
            raise ConfigurationError(f"--encoder: the adapter hears {named}: want {size} {sizes[size]}, got {got}")
    layers = TAPPED_LAYERS[sizes["encoder_layers"]]
    if upstream.target_layer_ids not in (None, list(layers)):
        said = upstream.target_layer_ids
        raise SourceError(f"{CONFIG}: target_layer_ids: want {list(layers)}, those of {named}, got {said}")
    return AdapterConfig(
        encoder_width=sizes["d_model"],
        encoder_heads=sizes["encoder_attention_heads"],
        tapped_layers=layers,
        llm_width=llm.get_text_config().hidden_size,
        qformer_layers=upstream.qformer_num_hidden_layers,
        queries=upstream.prompt_size,
        **_FORM,
    )


def read_upstream_adapter(folder: Path, config: AdapterConfig) -> Adapter:
    """Load the tensors, every one of them and no other, as float32.

    Raises:
        SourceError: no safetensors file, or a tensor is missing, unexpected, of another shape or no floating point.
    """
    file = folder / WEIGHTS
    if not file.is_file():
        pickles = ", ".join(pickles_in(folder))
        unread = f"; {pickles}: never read, since a pickle can run code" if pickles else ""
        raise SourceError(f"{file}: missing; save the adapter as safetensors{unread}")
    with torch.device("meta"):
        adapter = Adapter(config)
    want = {PREFIX + name: tuple(tensor.shape) for name, tensor in adapter.state_dict().items()}
    try:
        with safe_open(file, framework="pt") as opened:
            found = {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118 - no mapping
            _check_shapes(file, found, want)
            tensors = {name: opened.get_tensor(name) for name in want}
    except SafetensorError as error:
        raise SourceError(f"{file}: not a whole safetensors file: {error}") from error
    weights = {name.removeprefix(PREFIX): _float32(file, name, tensor) for name, tensor in tensors.items()}
    adapter.load_state_dict(weights, strict=True, assign=True)
    return adapter


def write_upstream(folder: Path, adapter: Adapter, config: UpstreamConfig) -> None:
    """Write an adapter with what `upstream_config` says of it."""
    tensors = {PREFIX + name: tensor.detach().float().contiguous() for name, tensor in adapter.state_dict().items()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / WEIGHTS).chmod(0o644)  # safetensors writes files that only their owner may read
    said = {"architectures": ["DeSTA25AudioModel"], **config.model_dump(exclude_none=True)}
    write_file(folder / CONFIG, json.dumps(said, indent=2, sort_keys=True) + "\n")


def upstream_config(adapter: AdapterConfig, encoder_id: str, llm_id: str, placeholder: str) -> UpstreamConfig:
    """Return the configuration by which upstream builds this adapter between two models of the hub.

    Raises:
        ConfigurationError: upstream's code does not know the encoder, or has no words for a setting of the adapter.
    """
    if encoder_id not in ENCODERS:
        raise ConfigurationError(f"--encoder-id {encoder_id}: upstream's code knows none but {', '.join(ENCODERS)}")
    if unlike := _differences(adapter, known_sizes()[encoder_id], known_sizes().get(llm_id, {})):
        raise ConfigurationError(
            f"upstream's form cannot say {'; '.join(unlike)}; "
            "train such a model: desta run --set train_model.preset=upstream"
        )
    return UpstreamConfig(
        model_type="desta25",
        connector_mode="qformer_1",
        encoder_model_id=encoder_id,
        llm_model_id=llm_id,
        prompt_size=adapter.queries,
        qformer_num_hidden_layers=adapter.qformer_layers,
        placeholder_token=placeholder,
    )


def _differences(adapter: AdapterConfig, encoder: Mapping[str, Any], llm: Mapping[str, Any]) -> list[str]:
    """Name the settings that upstream decides by itself, in another way; an LLM of unknown size decides nothing."""
    decided = {
        "mask_frames": False,
        "normalise": False,
        "tapped_layers": TAPPED_LAYERS[encoder["encoder_layers"]],
        "encoder_width": encoder["d_model"],
        "encoder_heads": encoder["encoder_attention_heads"],
        "llm_width": llm.get("hidden_size", adapter.llm_width),
    }
    ours = {name: getattr(adapter, name) for name in decided}
    return [f"{name}={ours[name]} (there {want})" for name, want in decided.items() if ours[name] != want]


def _check_shapes(file: Path, found: Mapping[str, tuple[int, ...]], want: Mapping[str, tuple[int, ...]]) -> None:
    for name in sorted({*found, *want}):
        if name not in found:
            raise SourceError(f"{file}: {name}: missing; {CONFIG} asks for {list(want[name])}")
        if name not in want:
            raise SourceError(f"{file}: {name}: unexpected; an adapter such as {CONFIG} describes has no such tensor")
        if found[name] != want[name]:
            raise SourceError(f"{file}: {name}: want shape {list(want[name])}, got {list(found[name])}")


def _float32(file: Path, name: str, tensor: Tensor) -> Tensor:
    if tensor.dtype not in _PRECISIONS:
        raise SourceError(f"{file}: {name}: want float32, bfloat16 or float16, got {tensor.dtype}")
    # A copy, since what safetensors gives is the file itself, mapped: who writes to the file would change the adapter.
    return tensor.to(torch.float32, copy=True)
