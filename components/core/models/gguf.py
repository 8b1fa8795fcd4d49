"""GGUF (llama.cpp) language models: dequantised once, so that transformers and vLLM both load them."""

import struct
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from components.core.contracts.errors import ContractError

_MAGIC = b"GGUF"
# What transformers' reader runs into when the bytes are not what they should be: it does not check them.
_DAMAGE = (ArithmeticError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError, struct.error)


def convert_gguf(file: Path, target: Path) -> None:
    """Write a GGUF file's weights as fp32 safetensors, with its tokenizer, chat template and generation settings.

    Any architecture that transformers reads from GGUF works.

    Raises:
        ContractError: the file is not GGUF, is cut off, or has an architecture that transformers does not know.
    """
    with file.open("rb") as opened:
        if opened.read(len(_MAGIC)) != _MAGIC:
            raise ContractError(f"{file.name}: not a GGUF file")
    try:
        tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        loaded, report = AutoModelForCausalLM.from_pretrained(
            file.parent,
            gguf_file=file.name,
            dtype=torch.float32,
            quantization_config=GgufConfig(gguf_file=file.name, dequantize=True),
            output_loading_info=True,
        )
    except _DAMAGE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ContractError(f"{file.name}: transformers cannot read it: {reason}") from error
    if missing := sorted({*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])}):
        raise ContractError(f"{file.name}: holds no tensor for {missing[0]}, or one of another shape")
    loaded.save_pretrained(target)
    tokenizer.save_pretrained(target)
