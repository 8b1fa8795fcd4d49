"""Requests in OpenAI's form, as conversations and ways to answer them; what would be ignored is refused."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.core.contracts.records import AUDIO_LOCATOR, Decoding
from components.core.drawing import decoding_of
from components.core.inference.desta_model import Messages
from components.serve_model.refusals import Refused, wrong
from components.serve_model.settings import ServeModelSettings

FORMATS = ("wav", "mp3", "flac", "ogg", "opus", "aiff")
_TEMPERATURE, _TOP_P = 0.7, 0.9  # upstream's, where a request says nothing
_ACTED_ON = {"model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "seed", "stream"}
_ABOUT_THE_CALLER = {"user", "metadata", "store", "safety_identifier"}
_NEUTRAL: dict[str, Any] = {
    "n": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "logprobs": False,
    "modalities": ["text"],
    "response_format": {"type": "text"},
    "stop": [],
    "tools": [],
}
"""Parameters that this server has not, with the value that asks for nothing."""


@dataclass(frozen=True)
class Question:
    """A request that was understood."""

    messages: Messages
    decoding: Decoding
    stream: bool
    usage: bool
    """Whether the stream is to end with the number of tokens."""


def read_question(body: bytes, served: str, settings: ServeModelSettings) -> Question:
    """Read the body of a request for the model that is served.

    Raises:
        Refused: it is not of OpenAI's form, asks for another model, or for something that this server has not.
        ConfigurationError: a number is out of its range.
    """
    asked = _fields(body)
    if asked.get("model") != served:
        raise Refused(404, f"model {asked.get('model')!r} is not served here; this is {served!r}", "model_not_found")
    options = _known(asked.pop("stream_options", {}), {"include_usage"}, "stream_options")
    _check_parameters(asked)
    tokens = asked.get("max_completion_tokens", asked.get("max_tokens", settings.default_tokens))
    if isinstance(tokens, int) and tokens > settings.max_tokens:
        raise wrong("max_tokens", f"{tokens} tokens, at most {settings.max_tokens} are written here")
    decoding = decoding_of(
        tokens, asked.get("temperature", _TEMPERATURE), asked.get("top_p", _TOP_P), asked.get("seed", 0)
    )
    stream = _flag(asked, "stream")
    return Question(_messages(asked.get("messages")), decoding, stream, _flag(options, "include_usage"))


def _fields(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise wrong(None, f"the body is not JSON: {error}") from error
    if not isinstance(asked, dict):
        raise wrong(None, "the body is not a JSON object")
    return {name: value for name, value in asked.items() if value is not None}


def _check_parameters(asked: Mapping[str, Any]) -> None:
    for name in sorted(asked.keys() - _ACTED_ON - _ABOUT_THE_CALLER):
        if name not in _NEUTRAL or asked[name] != _NEUTRAL[name]:
            raise wrong(name, f"{name} {asked[name]!r:.60} is not supported: leave it out")


def _messages(given: Any) -> Messages:
    if not isinstance(given, list) or not given:
        raise wrong("messages", "want a list of messages, one at least")
    return [_message(message, f"messages[{number}]") for number, message in enumerate(given)]


def _message(given: Any, where: str) -> dict[str, Any]:
    message = _known(given, {"role", "content"}, where)
    role = "system" if message.get("role") == "developer" else message.get("role")
    content, audios = message.get("content"), []
    if isinstance(content, list):
        texts = []
        for number, part in enumerate(content):
            text, audio = _part(part, f"{where}.content[{number}]")
            texts.append(text)
            audios += audio
        content = "\n\n".join(texts)
    return {"role": role, "content": content, "audios": audios}


def _part(given: Any, where: str) -> tuple[str, list[dict[str, Any]]]:
    part = _known(given, {"type", "text", "input_audio"}, where)
    if part.get("type") == "text" and isinstance(part.get("text"), str):
        return part["text"], []
    if part.get("type") != "input_audio":
        raise wrong(
            where, 'want {"type": "text", "text"} or {"type": "input_audio", "input_audio": {"data", "format"}}'
        )
    audio = _known(part.get("input_audio"), {"data", "format", "text"}, f"{where}.input_audio")
    if audio.get("format") not in FORMATS:
        raise wrong(f"{where}.input_audio.format", f"{audio.get('format')!r:.60}: want one of {', '.join(FORMATS)}")
    return AUDIO_LOCATOR, [{"audio": _decoded(audio.get("data"), where), "text": audio.get("text")}]


def _decoded(data: Any, where: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise wrong(f"{where}.input_audio.data", f"not base64: {error}") from error


def _known(given: Any, names: set[str], where: str) -> dict[str, Any]:
    """Return the fields that say something: a client that hands an answer back leaves many of its fields empty."""
    if not isinstance(given, Mapping):
        raise wrong(where, f"want an object, got {given!r:.60}")
    said = {name: value for name, value in given.items() if value is not None}
    if odd := sorted(map(str, said.keys() - names)):
        raise wrong(f"{where}.{odd[0]}", f"unknown; it has {', '.join(sorted(names))}")
    return said


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise wrong(name, f"want true or false, got {value!r:.60}")
    return value
