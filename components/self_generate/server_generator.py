"""The backbone behind a vLLM server: many questions on their way at a time, and patience with its troubles."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, Field
from transformers import PreTrainedTokenizerBase

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Decoding
from components.core.digests import seed_of
from components.core.models.loading import load_tokenizer
from components.core.models.store import StoredModel
from components.core.server import Server, connected
from components.self_generate.generation import Asked, Reply, Stopped, answered, tokens_of, unanswered
from components.self_generate.probe import probe
from components.self_generate.server_identity import Served, identify
from components.self_generate.settings import CALLER, SelfGenerateSettings


def find_server(model: StoredModel, settings: SelfGenerateSettings) -> Served:
    """Ask the server of the settings who it is.

    Raises:
        SourceError: it cannot be reached, or is not a vLLM that serves this model.
    """

    async def ask() -> Served:
        async with connected(settings.server, CALLER, settings.timeout_s, settings.retries) as server:
            return await identify(server, model, settings.window_tokens, lambda: probe(model))

    return asyncio.run(ask())


@dataclass(frozen=True, kw_only=True)
class ServerGenerator:
    """Answers as `VllmGenerator` does: the same tokens are read, and the same seed belongs to each question.

    What else the server is asked at the time can decide between two equally likely words (rounding), as the batch does
    in one process; so the order in which answers come back does.
    """

    model: StoredModel
    served: Served
    settings: SelfGenerateSettings
    decoding: Decoding

    def generate(self, questions: Sequence[Asked]) -> Iterator[Reply]:
        """Answer a batch; a question that leaves no room for the answer in the window gets the empty `does_not_fit`.

        Raises:
            Stopped: the server failed too often in a row, refused a question, or is not the one that was checked.
        """
        read = {question.sample_id: tokens_of(question.conversation, self._tokenizer) for question in questions}
        room = self.settings.window_tokens - self.decoding.max_tokens
        replies = {name: unanswered(name, len(tokens)) for name, tokens in read.items() if len(tokens) > room}
        missing = {name: tokens for name, tokens in read.items() if name not in replies}
        reasons: Sequence[BaseException] = ()
        try:
            asyncio.run(self._answer(missing, replies))
        except* SourceError as troubles:
            reasons = troubles.exceptions
        yield from replies.values()
        if reasons:
            raise Stopped(
                f"self_generate.server: {reasons[0]}; {len(replies)} answers of this batch and all before it are kept:"
                " the next run goes on from there"
            ) from reasons[0]

    async def _answer(self, missing: Mapping[str, Sequence[int]], replies: dict[str, Reply]) -> None:
        settings, places = self.settings, asyncio.Semaphore(self.settings.concurrency)
        async with connected(settings.server, CALLER, settings.timeout_s, settings.retries) as server:

            async def answer(sample_id: str, tokens: Sequence[int]) -> None:
                async with places:
                    replies[sample_id] = await self._reply(server, sample_id, tokens)

            async with asyncio.TaskGroup() as group:
                for sample_id, tokens in missing.items():
                    group.create_task(answer(sample_id, tokens))

    async def _reply(self, server: Server, sample_id: str, tokens: Sequence[int]) -> Reply:
        question = {**_PLAIN, **self._sampling(sample_id), "model": self.served.name, "prompt": tokens}
        answer = await server.ask("/v1/completions", _Completion.model_validate_json, question)
        if answer.system_fingerprint != self.served.fingerprint:
            raise SourceError(
                f"{server.address}: changed from {self.served.fingerprint} to {answer.system_fingerprint} in the"
                " middle: start again, so that it is checked"
            )
        (choice,) = answer.choices
        logprobs = choice.logprobs.token_logprobs
        return answered(sample_id, choice.text, choice.finish_reason, len(tokens), len(logprobs), sum(logprobs))

    def _sampling(self, sample_id: str) -> dict[str, Any]:
        return {**self.decoding.model_dump(), "seed": seed_of(self.decoding.seed, sample_id)}

    @cached_property
    def _tokenizer(self) -> PreTrainedTokenizerBase:
        return load_tokenizer(self.model.folder)


# What is not said here, a server may take from a file of the model or from its own flags.
_PLAIN = {
    "logprobs": 0,
    "top_k": 0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}


class _Logprobs(BaseModel):
    token_logprobs: list[float] = Field(min_length=1)


class _Choice(BaseModel):
    text: str
    finish_reason: Literal["stop", "length"]
    logprobs: _Logprobs


class _Completion(BaseModel):
    choices: tuple[_Choice]
    system_fingerprint: str | None = None
