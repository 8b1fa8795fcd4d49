"""A system that is told of a clip, in sound or in words, and says which of the choices that makes likelier.

Each choice is an answer of a few words. What counts is by how much its log-likelihood rises over its mean behind the
same question about other clips: a small model finds some words likely whatever it is told (batch calibration, Zhou et
al. 2024). Where there are no choices it answers greedily in its own words.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from components.core.contracts.records import Message
from components.core.conversation import audio_conversation, text_conversation
from components.core.digests import seed_of
from components.core.models.audio_language_model import embed
from components.core.models.decoding import greedy, nll_of_each, stops_of, write
from components.core.models.splice import NO_TRANSCRIPT, Spliced, Splicer
from components.evaluate_model.benchmarks.records import Item, Prediction

Speaking = Callable[[], AbstractContextManager[None]]

_OTHERS = 8


@dataclass(frozen=True)
class Asked:
    """A conversation, with the vectors [Q, H] of the clip that it is about and what is said there, if it has one."""

    messages: tuple[Message, ...]
    vectors: Tensor | None = None
    transcript: str = ""


def heard(question: str, vectors: Tensor, transcript: str) -> Asked:
    """Ask about a clip that is heard."""
    return Asked(audio_conversation(question), vectors, transcript)


def read(question: str, words: str) -> Asked:
    """Ask about a clip that is told in words."""
    return Asked(text_conversation(words or NO_TRANSCRIPT, question))


@dataclass(frozen=True, kw_only=True)
class Respondent:
    """Answers items; `ask` puts an item to it. `items` are all that it will ever be asked, whatever is kept of them.

    The LLM answers as it does while `speaking` lasts.
    """

    name: str
    digest: str
    llm: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    max_transcript_tokens: int
    items: Sequence[Item]
    ask: Callable[[Item], Asked]
    max_tokens: int
    batch: int
    seed: int
    speaking: Speaking = nullcontext

    @property
    def identity(self) -> Mapping[str, Any]:
        """Say which model is told in which way, and how long its own words may be."""
        return {"system": self.name, "model": self.digest, "max_tokens": self.max_tokens, "seed": self.seed}

    def answer(self, items: Sequence[Item]) -> Iterator[Prediction]:
        """Answer items, those with choices first; the first of choices that rise alike is chosen."""
        usual: dict[str, Mapping[str, float]] = {}
        for item in (item for item in items if item.choices):
            if item.instruction not in usual:
                usual[item.instruction] = self._usual(item.instruction)
            told = self._nll(self.ask(item), item.choices)
            rises = [usual[item.instruction][choice] - nll for choice, nll in zip(item.choices, told, strict=True)]
            yield Prediction(item_id=item.item_id, response=item.choices[rises.index(max(rises))])
        free = [item for item in items if not item.choices]
        for start in range(0, len(free), self.batch):
            some = free[start : start + self.batch]
            for item, text in zip(some, self._words(some), strict=True):
                yield Prediction(item_id=item.item_id, response=text)

    def _usual(self, question: str) -> Mapping[str, float]:
        """Return how unlikely each choice is behind a question (nats), the mean over some clips that it is about."""
        same = [item for item in self.items if item.instruction == question]
        others = sorted(same, key=lambda item: seed_of(self.seed, "usual", item.item_id))[:_OTHERS]
        choices = sorted({choice for item in same for choice in item.choices})
        told = [self._nll(self.ask(item), choices) for item in others]
        return {choice: sum(nlls) / len(nlls) for choice, nlls in zip(choices, zip(*told, strict=True), strict=True)}

    @torch.inference_mode()
    def _nll(self, asked: Asked, choices: Sequence[str]) -> list[float]:
        embeddings, _ = embed(self.llm, self._vectors([asked]), [self._spliced(asked, "")], with_target=False)
        answers = [self._spliced(asked, f"It is {choice}.").target for choice in choices]
        with self.speaking():
            return nll_of_each(self.llm, embeddings, answers)

    @torch.inference_mode()
    def _words(self, items: Sequence[Item]) -> list[str]:
        asked = [self.ask(item) for item in items]
        rows = [self._spliced(each, "") for each in asked]
        embeddings, mask = embed(self.llm, self._vectors(asked), rows, with_target=False)
        stops, written = stops_of(self.tokenizer, self.llm), [list[int]() for _ in rows]
        with self.speaking():
            for step in write(self.llm, embeddings, mask, [greedy(self.max_tokens)] * len(rows), stops):
                for row, token in step:
                    written[row].append(token)
        return [str(text).strip() for text in self.tokenizer.batch_decode(written, skip_special_tokens=True)]

    def _spliced(self, asked: Asked, response: str) -> Spliced:
        transcripts = [] if asked.vectors is None else [asked.transcript]
        return Splicer(self.tokenizer, self.max_transcript_tokens).splice(asked.messages, transcripts, response)

    def _vectors(self, asked: Sequence[Asked]) -> Tensor:
        """Return the vectors [C, Q, H] of the clips that are heard; none of them has no shape to speak of."""
        found = [each.vectors for each in asked if each.vectors is not None]
        return torch.stack(found) if found else torch.zeros(0, 0, 0, device=self.llm.device)
