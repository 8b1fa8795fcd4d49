"""Whether a model can be spread over several GPUs of this machine: asked before it is loaded."""

import torch

from components.core.contracts.errors import ConfigurationError
from components.core.models.loading import load_llm_config
from components.core.models.store import StoredModel


def check_parallel(model: StoredModel, gpus: int) -> None:
    """Refuse a number of GPUs that the model's attention heads cannot be dealt out to evenly, or that is not there.

    Raises:
        ConfigurationError: names the heads and the numbers that go, or how many GPUs there are.
    """
    if gpus == 1:
        return
    config = load_llm_config(model.folder).get_text_config()
    heads = int(config.num_attention_heads)
    of_keys = int(getattr(config, "num_key_value_heads", None) or heads)
    if not _fits(heads, of_keys, gpus):
        good = ", ".join(str(number) for number in range(1, heads + 1) if _fits(heads, of_keys, number))
        raise ConfigurationError(
            f"self_generate.tensor_parallel: {model.ref} has {heads} attention heads, {of_keys} of them for keys and"
            f" values, which {gpus} GPUs cannot share evenly; take one of {good}"
        )
    if gpus > (found := torch.cuda.device_count()):
        raise ConfigurationError(
            f"self_generate.tensor_parallel: {gpus} GPUs are asked for, and this machine has {found}"
        )


def _fits(heads: int, of_keys: int, gpus: int) -> bool:
    """Say whether vLLM can deal the heads out: those of keys and values it may copy, whole times."""
    return gpus > 0 and heads % gpus == 0 and (of_keys % gpus == 0 or gpus % of_keys == 0)
