"""What is asked of a generator and what it says."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from pydantic import Field

from components.core.contracts.errors import SourceError
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


class Stopped(SourceError):
    """A generator cannot go on in the middle of a batch; what it said before holds."""


class Generator(Protocol):
    """Something that answers questions: equal batches get equal replies."""

    def generate(self, questions: Sequence[Asked]) -> Iterable[Reply]:
        """Answer a batch, each question once, as the answers come.

        Raises:
            Stopped: it had to end before the batch was answered.
        """
        ...


def replies_to(questions: Sequence[Asked], generator: Generator) -> list[Reply]:
    """Return the whole batch in the order of the questions; raises what the generator raises."""
    reply_of = {reply.sample_id: reply for reply in generator.generate(questions)}
    return [reply_of[question.sample_id] for question in questions]


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
