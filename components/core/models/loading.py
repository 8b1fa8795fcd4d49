"""Loading the frozen backbone from the verified store."""

from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from components.core.contracts.errors import ConfigurationError

_CUDA = " and cuda"


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Load the backbone's tokenizer with its chat template."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    return tokenizer


def load_llm(folder: Path, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """Load the backbone, frozen and in evaluation mode; safetensors only."""
    llm: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, use_safetensors=True)
    return llm.eval().requires_grad_(False)


def load_llm_config(folder: Path) -> PretrainedConfig:
    """Load the backbone's sizes without its weights."""
    config: PretrainedConfig = AutoConfig.from_pretrained(folder)
    return config


def best_device(wanted: str | None = None) -> tuple[str, torch.dtype]:
    """Return where models run on this machine, or on the device that is `wanted`, and in what precision.

    Raises:
        ConfigurationError: the machine has no such device.
    """
    if wanted not in {None, "cpu", "cuda"} or (wanted == "cuda" and not torch.cuda.is_available()):
        raise ConfigurationError(f"device {wanted!r}: this machine has cpu{_CUDA * torch.cuda.is_available()}")
    if wanted != "cpu" and torch.cuda.is_available():
        return "cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return "cpu", torch.float32
