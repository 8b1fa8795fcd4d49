"""What a model would be made of, counted without building it: every tensor on the meta device."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn
from transformers import AutoModelForCausalLM, PretrainedConfig, WhisperForConditionalGeneration

from components.core.contracts.records import Record
from components.core.models.adapter import Adapter, AdapterConfig
from components.core.models.known_models import UNBUILDABLE, unusable

_PARTS = {"qformer": "Q-Former", "layer_prompts": "queries", "layer_weights": "layer weights", "proj": "projection"}


class ModelDescription(Record):
    """Parameters of an adapter by part, and of the two frozen models beside it."""

    encoder: str
    llm: str
    adapter: AdapterConfig
    trainable: Mapping[str, int]
    trainable_parameters: int
    frozen: Mapping[str, int]
    vectors_per_clip: int

    def __str__(self) -> str:
        adapter = self.adapter
        layers, size = [layer + 1 for layer in adapter.tapped_layers], self.trainable_parameters
        notes = {
            "Q-Former": f"{adapter.qformer_layers} layers of width {adapter.encoder_width}",
            "queries": f"{adapter.queries} for each of {len(layers)} tapped layers: {', '.join(map(str, layers))}",
            "projection": f"to the LLM's width, {adapter.llm_width}",
            "trainable": f"{size * 4 / 1e6:,.1f} MB in float32, {size * 2 / 1e6:,.1f} MB in bfloat16",
            "encoder": f"{self.encoder}, frozen",
            "decoder": "for transcripts alone, frozen",
            "llm": f"{self.llm}, frozen",
        }
        rows = {**self.trainable, "trainable": size, **self.frozen}
        lines = [f"{name:<14}{count:>16,}   {notes.get(name, '')}".rstrip() for name, count in rows.items()]
        return "\n".join([*lines, f"each clip becomes {self.vectors_per_clip} vectors of the LLM's input"])


def describe(
    encoder: str, sizes: PretrainedConfig, llm: str, llm_sizes: PretrainedConfig, adapter: AdapterConfig
) -> ModelDescription:
    """Count the parameters of an adapter and of the models that it stands between.

    Raises:
        ConfigurationError: one of them cannot be built with the sizes that its configuration says.
    """
    with _built(encoder):
        parts = {text: _count(getattr(Adapter(adapter), name)) for name, text in _PARTS.items()}
        whisper = WhisperForConditionalGeneration(sizes)
        listener = _count(whisper.get_encoder())
    with _built(llm):
        backbone = _count(AutoModelForCausalLM.from_config(llm_sizes))
    return ModelDescription(
        encoder=encoder,
        llm=llm,
        adapter=adapter,
        trainable=parts,
        trainable_parameters=sum(parts.values()),
        frozen={"encoder": listener, "decoder": _count(whisper) - listener, "llm": backbone},
        vectors_per_clip=adapter.queries,
    )


@contextmanager
def _built(model: str) -> Iterator[None]:
    """Give what is built in the block no memory; sizes that contradict each other come out as all kinds of errors."""
    try:
        with torch.device("meta"):
            yield
    except UNBUILDABLE as error:
        raise unusable(f"{model}: cannot be built as its configuration says", error) from error


def _count(part: nn.Module | nn.Parameter) -> int:
    return part.numel() if isinstance(part, nn.Parameter) else sum(p.numel() for p in part.parameters())
