"""The backbone behind one vLLM server or several: many questions on their way at a time, and patience with troubles."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
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
from components.core.server import Server, Trouble, connected
from components.self_generate.generation import Asked, Reply, Stopped, answered, tokens_of, unanswered
from components.self_generate.probe import probe
from components.self_generate.server_identity import Served, check_alike, identify, wanted
from components.self_generate.server_pool import Pool, Standing
from components.self_generate.settings import CALLER, SelfGenerateSettings


def find_servers(model: StoredModel, settings: SelfGenerateSettings) -> tuple[Standing, ...]:
    """Ask the servers of the settings who they are; one that cannot say it now is asked later, before any question.

    Raises:
        SourceError: none can be reached, one is not a vLLM that serves this model, or two differ.
    """
    servers = tuple(Standing(address) for address in settings.servers)
    try:
        asyncio.run(_introduce(servers, model, settings))
    except Trouble as trouble:
        raise _named(wanted(trouble, model, settings.window_tokens)) from trouble
    except SourceError as error:
        raise _named(error) from error
    return servers


async def _introduce(servers: Sequence[Standing], model: StoredModel, settings: SelfGenerateSettings) -> None:
    """Ask each server once, and while none has answered all of them again, with patience."""
    async with _connected(servers, settings) as connections:

        async def ask(server: Standing, _: None = None) -> None:
            await introduced(server, connections[server.address], servers, model, settings.window_tokens)

        for server in servers:
            try:
                await ask(server)
            except Trouble as trouble:
                server.set_aside(trouble, server.failures)
        if not any(server.served for server in servers):
            await Pool(servers=servers, ask=ask, at_a_time=1, retries=settings.retries).spread([None])


async def introduced(
    server: Standing, connection: Server, servers: Sequence[Standing], model: StoredModel, window_tokens: int
) -> Served:
    """Return who a server is; where that is not known yet it is asked, and compared with the others.

    Raises:
        Trouble: it cannot say it now.
        SourceError: it is not a vLLM that serves this model, or not as the others.
    """
    if server.served is None:
        found = await identify(connection, model, window_tokens, lambda: probe(model))
        for other in servers:
            if other.served:
                check_alike(server.address, found, other.served)
        server.served = found
    return server.served


@asynccontextmanager
async def _connected(servers: Sequence[Standing], settings: SelfGenerateSettings) -> AsyncIterator[dict[str, Server]]:
    """Open connections to all servers; when one is tried again is not for its connection to say."""
    async with AsyncExitStack() as stack:
        yield {
            server.address: await stack.enter_async_context(
                connected(server.address, CALLER, settings.timeout_s, retries=0)
            )
            for server in servers
        }


def _named(error: SourceError) -> SourceError:
    return SourceError(f"{CALLER.setting}: {error}")


@dataclass(frozen=True, kw_only=True)
class ServerGenerator:
    """Answers as `VllmGenerator` does: the same tokens are read, and the same seed belongs to each question.

    What else a server is asked at the time can decide between two equally likely words (rounding), as the batch does
    in one process; so the order in which answers come back does, and which of several servers answers.
    """

    model: StoredModel
    servers: tuple[Standing, ...]
    settings: SelfGenerateSettings
    decoding: Decoding

    def generate(self, questions: Sequence[Asked]) -> Iterator[Reply]:
        """Answer a batch; a question that leaves no room for the answer in the window gets the empty `does_not_fit`.

        Raises:
            Stopped: the servers failed too often in a row, or one refused a question or is not what was checked.
        """
        read = {question.sample_id: tokens_of(question.conversation, self._tokenizer) for question in questions}
        room = self.settings.window_tokens - self.decoding.max_tokens
        replies = {name: unanswered(name, len(tokens)) for name, tokens in read.items() if len(tokens) > room}
        missing = {name: tokens for name, tokens in read.items() if name not in replies}
        stopped: SourceError | None = None
        try:
            asyncio.run(self._answer(missing, replies))
        except SourceError as error:
            stopped = error
        yield from replies.values()
        if stopped:
            raise Stopped(
                f"{CALLER.setting}: {stopped}; {len(replies)} answers of this batch and all before it are kept:"
                " the next run goes on from there"
            ) from stopped

    async def _answer(self, missing: Mapping[str, Sequence[int]], replies: dict[str, Reply]) -> None:
        settings = self.settings
        async with _connected(self.servers, settings) as connections:

            async def ask(server: Standing, name: str) -> None:
                connection = connections[server.address]
                served = await introduced(server, connection, self.servers, self.model, settings.window_tokens)
                replies[name] = await self._reply(connection, served, name, missing[name])

            pool = Pool(servers=self.servers, ask=ask, at_a_time=settings.concurrency, retries=settings.retries)
            await pool.spread(missing)

    async def _reply(self, server: Server, served: Served, sample_id: str, tokens: Sequence[int]) -> Reply:
        question = {**_PLAIN, **self._sampling(sample_id), "model": served.name, "prompt": tokens}
        answer = await server.ask_once("/v1/completions", _Completion.model_validate_json, question)
        if answer.system_fingerprint != served.fingerprint:
            raise SourceError(
                f"{server.address}: changed from {served.fingerprint} to {answer.system_fingerprint} in the"
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
