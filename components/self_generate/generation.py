"""What is asked of a generator and what it says."""

from collections.abc import Sequence
from typing import Any, Protocol

from pydantic import Field

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Message, Record, Sha256
from components.self_generate.questions import Question

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


class Stopped(SourceError):
    """A generator cannot go on in the middle of a batch; `replies` are those that it had got."""

    def __init__(self, line: str, replies: Sequence[Reply]) -> None:
        super().__init__(line)
        self.replies = tuple(replies)


class Generator(Protocol):
    """Something that answers questions: equal batches get equal replies, in their order."""

    def generate(self, questions: Sequence[Question]) -> Sequence[Reply]:
        """Answer a batch whole.

        Raises:
            Stopped: it had to end before the batch was answered.
        """
        ...


def tokens_of(conversation: Sequence[Message], tokenizer: Any) -> list[int]:
    """Return what a generator reads of a conversation, up to where its answer begins."""
    messages = [message.model_dump() for message in conversation]
    tokens: list[int] = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=False
    )
    return tokens


def answered(
    sample_id: str, response: str, finish_reason: str, prompt_tokens: int, tokens: int, logprob: float | None
) -> Reply:
    """Return a generator's answer of so many `tokens`, its end mark among them, and their summed log-likelihood."""
    return Reply(
        sample_id=sample_id,
        response=response,
        finish_reason=finish_reason,
        prompt_tokens=prompt_tokens,
        response_tokens=tokens - (finish_reason == "stop"),
        nll_per_token=None if logprob is None else -logprob / tokens,
    )


def unanswered(sample_id: str, prompt_tokens: int) -> Reply:
    """Return the empty reply to a question that the window cannot hold."""
    return Reply(
        sample_id=sample_id,
        response="",
        finish_reason=DOES_NOT_FIT,
        prompt_tokens=prompt_tokens,
        response_tokens=0,
        nll_per_token=None,
    )
