"""A server that answers as those with OpenAI's interface do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from components.evaluate_model.benchmarks.judging import Question
from tests import desk as desks
from tests.desk import Desk


def reply(text: Any) -> dict[str, Any]:
    """What such a server answers, with more around it than is read."""
    message = {"role": "assistant", "content": text}
    return {"id": "1", "object": "chat.completion", "choices": [{"index": 0, "message": message}], "usage": {}}


def echo(asked: dict[str, Any]) -> dict[str, Any]:
    """Answer with the last words of the question."""
    return reply(f"about {asked['messages'][-1]['content']}")


@contextmanager
def opened() -> Iterator[Desk]:
    """Let a server run."""
    with desks.opened("/v1/chat/completions", echo) as desk:
        yield desk


def questions(count: int, **changes: Any) -> list[Question]:
    return [Question(prompt=f"question {number}", **changes) for number in range(count)]
