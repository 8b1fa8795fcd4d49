"""A LoRA beside a small random LLM."""

import copy

import pytest
import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from components.core.contracts.errors import ConfigurationError
from components.core.models.lora import PROJECTIONS, Lora, LoraConfig, untrained_lora

CONFIG = LoraConfig(rank=2, alpha=6.0, dropout=0.0, init_seed=3)
WORDS = torch.tensor([[1, 5, 2, 9, 4]])


@pytest.fixture
def llm() -> PreTrainedModel:
    return small_llm()


def small_llm() -> PreTrainedModel:
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(vocab_size=50, **sizes, num_key_value_heads=2, initializer_range=0.2)
    llm: PreTrainedModel = LlamaForCausalLM(config).eval().requires_grad_(False)
    return llm


def trained_lora(llm: PreTrainedModel, config: LoraConfig = CONFIG, seed: int = 5) -> Lora:
    """Return one whose updates are as if it had learned something."""
    lora, generator = untrained_lora(llm, config), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in lora.named_parameters():
            if "lora_B" in name:
                weight.normal_(generator=generator)
    return lora.eval()


def said(llm: PreTrainedModel) -> Tensor:
    logits: Tensor = llm(input_ids=WORDS).logits
    return logits


def test_it_changes_nothing_before_the_first_step(llm: PreTrainedModel) -> None:
    frozen, lora = said(llm), untrained_lora(llm, CONFIG).train()

    with lora.on():
        assert torch.equal(said(llm), frozen)


def test_it_counts_while_it_is_on_and_the_llm_is_the_frozen_one_again_after_that(llm: PreTrainedModel) -> None:
    frozen, one, other = said(llm), trained_lora(llm), trained_lora(llm, seed=6)

    assert torch.equal(said(llm), frozen)
    with one.on():
        by_one = said(llm)
        with pytest.raises(ZeroDivisionError), one.on():
            _ = 1 / 0
        assert torch.equal(said(llm), by_one)
    with other.on():
        by_other = said(llm)

    assert torch.equal(said(llm), frozen)
    assert len({float(logits.detach().sum()) for logits in (frozen, by_one, by_other)}) == 3


def test_it_is_a_low_rank_change_of_queries_keys_and_values(llm: PreTrainedModel) -> None:
    lora, merged = trained_lora(llm), copy.deepcopy(small_llm())
    weights, wanted = lora.state_dict(), {f"{layer}.{name}" for layer in (0, 1) for name in PROJECTIONS}
    changed = [name.removesuffix(".lora_A.weight") for name in weights if name.endswith("lora_A.weight")]
    assert {name.removeprefix("model.layers.").replace(".self_attn", "") for name in changed} == wanted
    for name in changed:
        update = weights[f"{name}.lora_B.weight"] @ weights[f"{name}.lora_A.weight"]
        linear = merged.get_submodule(name)
        assert isinstance(linear, nn.Linear)
        linear.weight += CONFIG.alpha / CONFIG.rank * update

    with lora.on():
        torch.testing.assert_close(said(llm), said(merged), rtol=1e-4, atol=1e-4)


def test_gradients_reach_it_and_not_the_llm(llm: PreTrainedModel) -> None:
    lora = trained_lora(llm)

    with lora.on():
        torch.autograd.backward(said(llm).square().sum())

    assert all(weight.grad is not None and weight.grad.any() for weight in lora.parameters())
    assert all(weight.grad is None for weight in llm.parameters())
    assert not {id(weight) for weight in lora.parameters()} & {id(weight) for weight in llm.parameters()}


def test_it_drops_out_in_training_alone(llm: PreTrainedModel) -> None:
    lora = trained_lora(llm, CONFIG.model_copy(update={"dropout": 0.5}))

    with lora.on():
        assert torch.equal(said(llm), said(llm))
        lora.train()
        assert not torch.equal(said(llm), said(llm))


def test_its_seed_decides_how_it_begins(llm: PreTrainedModel) -> None:
    first, again = (untrained_lora(small_llm(), CONFIG).state_dict() for _ in range(2))
    other = untrained_lora(llm, CONFIG.model_copy(update={"init_seed": 4})).state_dict()

    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_an_llm_without_such_projections_is_refused_in_one_line() -> None:
    fused = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=32, n_layer=1, n_head=2))

    with pytest.raises(ConfigurationError, match=r"^lora_rank: .* gpt2 has no k_proj, q_proj, v_proj; train without"):
        untrained_lora(fused, CONFIG)
