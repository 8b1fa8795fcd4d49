"""How likely the backbone itself finds an answer: the check that it is the one who wrote it.

The generator says this of its own answers, and nobody checks it. Here a few answers are read again by the frozen
backbone, in float32, word for word in the conversation in which the generator was asked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812 - the field's own abbreviation
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from components.core.contracts.records import Sample
from components.core.conversation import text_conversation
from components.core.models.loading import load_llm, load_tokenizer
from components.core.progress import Progress

_DECIMALS = 3
"""What is kept of a measurement: the rest differs with the number of threads, and results must not."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One answer as the backbone reads it: nats over all its tokens, the end mark among them."""

    nats: float
    tokens: int
    claimed_per_token: float | None

    @property
    def difference(self) -> float | None:
        """How far the generator's claim is from this, in nats a token; `None` where it claims nothing."""
        return None if self.claimed_per_token is None else abs(self.claimed_per_token - self.nats / self.tokens)


def readings_of(answers: Sequence[Sample], llm: Path, progress: Progress) -> list[Reading]:
    """Let the backbone read answers that were finished; one at a time, since rows of one length would be rare."""
    if not answers:
        return []
    tokenizer, model = load_tokenizer(llm), load_llm(llm)
    shown = progress.track(answers, label="measure", unit="answers", total=len(answers))
    return [_reading(sample, tokenizer, model) for sample in shown]


@torch.inference_mode()
def _reading(sample: Sample, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> Reading:
    asked = [message.model_dump() for message in text_conversation(sample.seed_description, sample.prompt)]
    context: list[int] = tokenizer.apply_chat_template(
        asked, add_generation_prompt=True, tokenize=True, return_dict=False
    )
    target = [*tokenizer(sample.response, add_special_tokens=False)["input_ids"], int(tokenizer.eos_token_id)]
    logits = model(
        input_ids=torch.tensor([[*context, *target]]), logits_to_keep=len(target) + 1, use_cache=False
    ).logits
    nats = F.cross_entropy(logits[0, :-1].float(), torch.tensor(target), reduction="sum")
    return Reading(nats=float(nats), tokens=len(target), claimed_per_token=sample.nll_per_token)


def facts_of(readings: Iterable[Reading]) -> dict[str, Any]:
    """Return the mean over all tokens and the greatest difference to a claim, `None` where nothing was measured."""
    found = list(readings)
    tokens = sum(reading.tokens for reading in found)
    differences = [reading.difference for reading in found if reading.difference is not None]
    return {
        "measured_answers": len(found),
        "measured_nll_per_token": round(sum(r.nats for r in found) / tokens, _DECIMALS) if tokens else None,
        "greatest_nll_difference": round(max(differences), _DECIMALS) if differences else None,
    }
