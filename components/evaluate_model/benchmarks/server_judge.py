"""A judge behind any server that speaks the chat completions of OpenAI's interface."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from components.core.callers import Caller
from components.core.server import Server, connected
from components.evaluate_model.benchmarks.judging import JudgeIdentity, Question, Verdict

CALLER = Caller(name="judge", setting="--judge", key_variable="DESTA_JUDGE_KEY")
"""Who asks a server for verdicts."""

_PATH = "/v1/chat/completions"


@dataclass(frozen=True, kw_only=True)
class ServerJudge:
    """A model of a server, asked with so many requests at a time; `address` may end in /v1.

    Each draw is a request of its own, since not every server can draw several answers for one.
    """

    address: str
    model: str
    concurrency: int = 16
    retries: int = 8
    timeout_s: float = 120.0

    @property
    def identity(self) -> JudgeIdentity:
        """Say who judges: the same for both ways to write the address."""
        return JudgeIdentity(model=self.model, served_by=self._root)

    @property
    def _root(self) -> str:
        return CALLER.address(self.address).removesuffix("/v1")

    def judge(self, questions: Sequence[Question]) -> Iterator[Verdict]:
        """Answer questions as the answers come; while the caller does something else, no request goes out.

        Raises:
            SourceError: the server failed too often in a row, or refuses a question.
        """
        with asyncio.Runner() as runner:
            verdicts = self._verdicts(questions)

            async def following() -> Verdict | None:
                return await anext(verdicts, None)

            while (verdict := runner.run(following())) is not None:
                yield verdict

    async def _verdicts(self, questions: Sequence[Question]) -> AsyncIterator[Verdict]:
        places = asyncio.Semaphore(self.concurrency)
        async with connected(self._root, CALLER, self.timeout_s, self.retries) as server:
            tasks = [asyncio.create_task(self._verdict(server, places, question)) for question in questions]
            try:
                for task in asyncio.as_completed(tasks):
                    yield await task
            finally:
                for unfinished in tasks:
                    unfinished.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _verdict(self, server: Server, places: asyncio.Semaphore, question: Question) -> Verdict:
        asked, replies = self._request(question), []
        for _ in range(question.draws):
            async with places:
                answer = await server.ask(_PATH, _Completion.model_validate_json, asked)
            replies.append(answer.choices[0].message.content or "")
        return Verdict(question=question, replies=tuple(replies))

    def _request(self, question: Question) -> dict[str, Any]:
        return {
            "model": self.model,
            "messages": question.messages,
            "temperature": question.temperature,
            "top_p": question.top_p,
            "max_tokens": question.max_tokens,
        }


class _Message(BaseModel):
    content: str | None


class _Choice(BaseModel):
    message: _Message


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
