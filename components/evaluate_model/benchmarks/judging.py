"""Judges: models that say whether a response is right where no rule can."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from pydantic import Field

from components.core.contracts.records import Record


class Question(Record):
    """What a judge is asked about one response, and how it is to draw its words; `draws` answers are wanted."""

    system: str | None = None
    prompt: str = Field(min_length=1)
    temperature: float = Field(0.0, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(1024, ge=1)
    draws: int = Field(1, ge=1)

    @property
    def messages(self) -> list[dict[str, str]]:
        """The turns of a chat that ask it."""
        system = [{"role": "system", "content": self.system}] if self.system is not None else []
        return [*system, {"role": "user", "content": self.prompt}]


class JudgeIdentity(Record):
    """Who judges: part of the key of a result, since results of different judges are not compared.

    `model` is a server's name for it, or the digest of a local model; `served_by` is the server's address or `local`.
    """

    model: str = Field(min_length=1)
    served_by: str = Field(min_length=1)


class Verdict(Record):
    """What a judge answered to a question: a text for each draw."""

    question: Question
    replies: tuple[str, ...]


class Judge(Protocol):
    """Answers questions about responses."""

    @property
    def identity(self) -> JudgeIdentity:
        """Say who judges."""
        ...

    def judge(self, questions: Sequence[Question]) -> Iterator[Verdict]:
        """Answer questions in any order, as they come; those that the budget does not cover are left out."""
        ...
