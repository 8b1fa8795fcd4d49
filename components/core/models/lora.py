"""LoRA: trained low-rank updates of what a frozen LLM computes as queries, keys and values.

They stand beside the LLM, which stays the frozen one: its weights, their names and its own answers are as they were,
unless somebody turns the updates `on`. The same projections as upstream's; names within them are those of `peft`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import cast

import torch
from pydantic import Field
from torch import Tensor, nn
from transformers import PreTrainedModel

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record

PROJECTIONS = ("q_proj", "k_proj", "v_proj")


class LoraConfig(Record):
    """Everything that decides an untrained LoRA beside the LLM; an update counts `alpha / rank` times."""

    rank: int = Field(ge=1)
    alpha: float = Field(gt=0)
    dropout: float = Field(ge=0, lt=1)
    init_seed: int = Field(ge=0)


class Update(nn.Module):
    """The low-rank update of one linear layer: exactly zero before the first step, since its second matrix is."""

    def __init__(self, linear: nn.Linear, config: LoraConfig) -> None:
        super().__init__()
        self.lora_A = nn.Linear(linear.in_features, config.rank, bias=False)
        self.lora_B = nn.Linear(config.rank, linear.out_features, bias=False)
        self.dropout = nn.Dropout(config.dropout)
        self._scale = config.alpha / config.rank
        nn.init.zeros_(self.lora_B.weight)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return what is added to the layer's output for these inputs."""
        return cast(Tensor, self.lora_B(self.lora_A(self.dropout(inputs)))) * self._scale


class Lora(nn.Module):
    """The updates of one LLM, off unless they are turned on; several can stand beside the same LLM."""

    def __init__(self, llm: PreTrainedModel, config: LoraConfig) -> None:
        """Put updates beside the projections of an LLM.

        Raises:
            ConfigurationError: it has no such projections.
        """
        super().__init__()
        self.config = config
        self._on = False
        for name, linear in _projections(llm).items():
            update = Update(linear, config)
            _put(self, name, update)
            linear.register_forward_hook(partial(self._add, update))

    @contextmanager
    def on(self) -> Iterator[None]:
        """Let the LLM compute with the updates for as long as this lasts."""
        before, self._on = self._on, True
        try:
            yield
        finally:
            self._on = before

    def _add(self, update: Update, _: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
        return output + cast(Tensor, update(inputs[0])) if self._on else None


def untrained_lora(llm: PreTrainedModel, config: LoraConfig) -> Lora:
    """Build the updates as they are before the first step, when they change nothing.

    Raises:
        ConfigurationError: the LLM has no queries, keys and values of their own.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.init_seed)
        return Lora(llm, config)


def _projections(llm: PreTrainedModel) -> dict[str, nn.Linear]:
    """Return the layers that are updated, by their names in the LLM."""
    linears = {name: module for name, module in llm.named_modules() if isinstance(module, nn.Linear)}
    found = {name: linear for name, linear in linears.items() if name.rpartition(".")[2] in PROJECTIONS}
    if lacking := sorted(set(PROJECTIONS) - {name.rpartition(".")[2] for name in found}):
        raise ConfigurationError(
            f"lora_rank: wants linear layers {', '.join(PROJECTIONS)} in the LLM, and {llm.config.model_type} has no "
            f"{', '.join(lacking)}; train without (lora_rank 0), or name another LLM"
        )
    return found


def _put(root: nn.Module, name: str, module: nn.Module) -> None:
    """Make a module a part of another under a dotted name, as it has in the LLM."""
    *parents, last = name.split(".")
    for parent in parents:
        if not hasattr(root, parent):
            root.add_module(parent, nn.Module())
        root = root.get_submodule(parent)
    root.add_module(last, module)
