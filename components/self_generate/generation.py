"""What is asked of a generator and what it says."""

from collections.abc import Sequence
from typing import Protocol

from pydantic import Field

from components.core.contracts.records import Message, Record, Sha256

DOES_NOT_FIT = "does_not_fit"
"""The finish reason of a question that the generator's window cannot hold; its answer is empty."""


class Reply(Record):
    """The answer to one question.

    `finish_reason`: `stop`, `length` (cut off) or `does_not_fit`. `response_tokens` are without the end mark;
    `nll_per_token` is the mean negative log-likelihood (nats) of the answer with its end mark, as far as it got.
    """

    sample_id: Sha256
    response: str
    finish_reason: str = Field(min_length=1)
    prompt_tokens: int = Field(ge=1)
    response_tokens: int = Field(ge=0)
    nll_per_token: float | None


class Asked(Protocol):
    """What a generator needs to know of a question: what it reads, and an id that decides how it draws its words."""

    @property
    def sample_id(self) -> str:
        """The id, a sha256."""
        ...

    @property
    def conversation(self) -> tuple[Message, ...]:
        """The turns, in their order."""
        ...


class Generator(Protocol):
    """Something that answers questions: equal batches get equal replies, in their order."""

    def generate(self, questions: Sequence[Asked]) -> Sequence[Reply]:
        """Answer a batch whole."""
        ...
