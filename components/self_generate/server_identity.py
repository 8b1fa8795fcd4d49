"""Who stands behind a server: asked, and checked against the model that is meant, before the first question.

A server says what it is by the name of its model, `<digest of the stored model>-<dtype>`. Names can lie: that it reads
as the model does, and finds the same words as likely, is tried.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from components.core.contracts.errors import SourceError
from components.core.contracts.records import GeneratorIdentity
from components.core.models.store import StoredModel, identity_of
from components.core.server import Server, Trouble
from components.self_generate.probe import CONVERSATION, Probe

# Mean difference in nats a token from the stored weights that only rounding makes, with room; the embedded backbone in
# bfloat16 has 0.035 and in float16 0.005, and in float32 with 1 % of noise on each weight 0.125.
_ROUNDING = {"float32": 0.002, "bfloat16": 0.1, "float16": 0.02}

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Served:
    """A model behind a server; `name` is how it is asked for, and `fingerprint` that of the server's configuration."""

    name: str
    fingerprint: str | None
    identity: GeneratorIdentity


def served_name(model: StoredModel, dtype: str) -> str:
    """Return the name under which a server offers a stored model."""
    return f"{model.digest}-{dtype}"


async def identify(server: Server, model: StoredModel, window_tokens: int, probe: Callable[[], Probe]) -> Served:
    """Ask a server who it is, each question once; the probe loads the model, and is taken when all else is right.

    Raises:
        Trouble: it cannot be reached, or cannot answer now.
        SourceError: it is no vLLM, serves another model, or reads or computes otherwise than the model in the store.
    """
    try:
        version = (await server.ask_once("/version", _reader(_Version))).version.partition("+")[0]
        models = await server.ask_once("/v1/models", _reader(_Models))
        card = _card(models, server.address, model, window_tokens)
        expected = probe()
        await _check_reading(server, card, expected)
        fingerprint = await _check_weights(server, card, expected)
    except Trouble:
        raise
    except SourceError as error:
        raise wanted(error, model, window_tokens) from error
    return Served(card.id, fingerprint, identity_of(model, "vllm", version, card.dtype))


def wanted(error: SourceError, model: StoredModel, window_tokens: int) -> SourceError:
    """Return an error that also says how to start the server that is wanted."""
    command = f"python -m components.self_generate.serve --llm {model.ref} --window-tokens {window_tokens}"
    return SourceError(f"{error}; want a server as this one starts it: {command}")


def check_alike(address: str, served: Served, first: Served) -> None:
    """Refuse a server that is not as the first one that was asked: which of them answers must decide nothing.

    Raises:
        SourceError: names what differs.
    """
    mine, its = _parts(first), _parts(served)
    if differing := [f"{name} is {its[name]}, and was {mine[name]}" for name in mine if mine[name] != its[name]]:
        raise SourceError(
            f"{address}: differs from the servers that answer already: {'; '.join(differing)}; start all servers alike"
        )


def _parts(served: Served) -> dict[str, str | None]:
    return {**served.identity.model_dump(), "the fingerprint of its set-up": served.fingerprint}


class _Version(BaseModel):
    version: str


class _Card(BaseModel):
    id: str
    max_model_len: int

    @property
    def digest(self) -> str:
        return self.id.rpartition("-")[0]

    @property
    def dtype(self) -> str:
        return self.id.rpartition("-")[2]

    @property
    def says_what_it_is(self) -> bool:
        return bool(re.fullmatch("[0-9a-f]{64}", self.digest)) and self.dtype in _ROUNDING


class _Models(BaseModel):
    data: list[_Card]


class _Tokens(BaseModel):
    tokens: list[int]


class _Token(BaseModel):
    logprob: float


class _Likely(BaseModel):
    prompt_logprobs: list[dict[int, _Token] | None]


class _Completion(BaseModel):
    choices: tuple[_Likely]
    system_fingerprint: str | None = None


def _reader(kind: type[T]) -> Callable[[bytes], T]:
    def read(body: bytes) -> T:
        try:
            return kind.model_validate_json(body)
        except ValidationError as error:
            raise SourceError("this is not what a vLLM server answers") from error

    return read


def _card(models: _Models, address: str, model: StoredModel, window_tokens: int) -> _Card:
    names = ", ".join(card.id for card in models.data) or "nothing"
    known = [card for card in models.data if card.says_what_it_is]
    if not known:
        raise SourceError(f"{address}: serves {names}, a name that does not say which model it is")
    card = next((card for card in known if card.digest == model.digest), None)
    if card is None:
        raise SourceError(f"{address}: serves {names}, and {model.ref} is {model.digest}")
    if card.max_model_len < window_tokens:
        raise SourceError(
            f"{address}: serves a window of {card.max_model_len} tokens, and window_tokens is {window_tokens}"
        )
    return card


async def _check_reading(server: Server, card: _Card, probe: Probe) -> None:
    messages = [message.model_dump() for message in CONVERSATION]
    read = await server.ask_once("/tokenize", _reader(_Tokens), {"model": card.id, "messages": messages})
    if read.tokens != list(probe.tokens):
        raise SourceError(f"{server.address}: reads a conversation with another tokenizer or chat template")


async def _check_weights(server: Server, card: _Card, probe: Probe) -> str | None:
    question = {"model": card.id, "prompt": list(probe.tokens), "max_tokens": 1, "prompt_logprobs": 0, "temperature": 0}
    answer = await server.ask_once("/v1/completions", _reader(_Completion), question)
    try:
        said = answer.choices[0].prompt_logprobs[1:]
        found = [(at or {})[token].logprob for token, at in zip(probe.tokens[1:], said, strict=True)]
    except (KeyError, ValueError) as error:
        raise SourceError(f"{server.address}: does not say how likely it finds what it reads") from error
    away = fmean(abs(a - b) for a, b in zip(found, probe.logprobs, strict=True))
    if not away <= _ROUNDING[card.dtype]:
        raise SourceError(f"{server.address}: other weights or another dtype: {away:.3f} nats a token from the model's")
    return answer.system_fingerprint
