"""A language model that reads what is said about a clip and chooses the answer that this makes likelier.

Each choice is an answer of a few words. What counts is by how much its log-likelihood rises over that behind the same
question about nothing: a small model finds some words likely whatever it is told (domain-conditional pointwise mutual
information).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedModel

from components.core.conversation import text_conversation
from components.core.models.decoding import nll_of_each
from components.core.models.splice import Splicer
from components.evaluate_model.benchmarks.records import Item, Prediction

NOTHING = " "


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Answers multiple choice; `told` says what it is told of an item's clip, and `name` which telling that is."""

    name: str
    digest: str
    llm: PreTrainedModel
    splicer: Splicer
    told: Callable[[Item], str]

    @property
    def identity(self) -> Mapping[str, Any]:
        """Say which model reads what."""
        return {"system": self.name, "model": self.digest}

    def answer(self, items: Sequence[Item]) -> Iterator[Prediction]:
        """Answer items in their order; the first of choices that rise alike is chosen."""
        for item in items:
            told, untold = self._nll(item, self.told(item)), self._nll(item, NOTHING)
            rises = [without - behind for behind, without in zip(told, untold, strict=True)]
            yield Prediction(item_id=item.item_id, response=item.choices[rises.index(max(rises))])

    def _nll(self, item: Item, told: str) -> list[float]:
        messages = text_conversation(told, item.instruction)
        rows = [self.splicer.splice(messages, [], f"It is {choice}.") for choice in item.choices]
        words = self.llm.get_input_embeddings()
        ids = torch.tensor([rows[0].pieces[0]], device=self.llm.device)
        return nll_of_each(self.llm, words(ids), [row.target for row in rows])
