"""A conversation that tells models apart: how its words are cut into tokens, and how likely each is found."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch

from components.core.conversation import text_conversation
from components.core.models.loading import load_llm, load_llm_config, load_tokenizer
from components.core.models.store import StoredModel
from components.self_generate.generation import tokens_of

# Words, digits, other languages, a line break: tokenizers and templates that differ read it differently.
CONVERSATION = text_conversation(
    "[00:00-00:05] Guten Morgen! It's 7:30, isn't it? ¿Qué tal?\n(Gender: female, Volume: loud, SNR: 24 dB)",
    "Who speaks, and what else can be heard?",
)


@dataclass(frozen=True)
class Probe:
    """What a model makes of `CONVERSATION`: its tokens, and the log-likelihood (nats) of each but the first."""

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]


@cache
def probe(model: StoredModel) -> Probe:
    """Read the conversation with a stored model, on the CPU in the precision it is stored in; once in a process."""
    tokens = tokens_of(CONVERSATION, load_tokenizer(model.folder))
    llm = load_llm(model.folder, load_llm_config(model.folder).dtype or torch.float32)
    with torch.inference_mode():
        logits = llm(torch.tensor([tokens])).logits[0, :-1].float()
    return Probe(tuple(tokens), tuple(_chosen(logits.log_softmax(-1), tokens[1:])))


def _chosen(logprobs: torch.Tensor, tokens: Sequence[int]) -> list[float]:
    chosen: list[float] = logprobs[torch.arange(len(tokens)), torch.tensor(tokens)].tolist()
    return chosen
