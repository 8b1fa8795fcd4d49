"""What a caller says to the model: messages with recordings in them, checked before anything is heard."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import AUDIO_LOCATOR, AUDIO_SPAN, Message

ROLES = ("system", "user", "assistant")
_IN_A_MESSAGE = {"role", "content", "audios"}
_IN_AN_AUDIO = {"audio", "text", "sampling_rate"}
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Recording:
    """A recording as the caller gave it; `where` names it in errors, `text` is the caller's transcript."""

    where: str
    audio: Path | bytes | NDArray[Any]
    rate_hz: int | None
    text: str | None


@dataclass(frozen=True)
class Conversation:
    """Messages with a locator for each recording, in their order."""

    messages: tuple[Message, ...]
    recordings: tuple[Recording, ...]

    def with_spans(self, clips: Sequence[int]) -> tuple[Message, ...]:
        """Return the messages with as many spans in each locator's place as its recording has clips."""
        left = iter(clips)
        return tuple(
            message.model_copy(update={"content": _spanned(message.content, left)}) for message in self.messages
        )


def conversations_of(messages: Any) -> Sequence[Any]:
    """Return the conversations of a list of them, or of one of them.

    Raises:
        ConfigurationError: it is neither.
    """
    if isinstance(messages, Mapping):
        return [messages]
    if isinstance(messages, str | bytes) or not isinstance(messages, Sequence):
        raise ConfigurationError(f"messages: want a conversation or a list of them, got {_shown(messages)}")
    return [messages] if messages and isinstance(messages[0], Mapping) else messages


def check_text(text: str, where: str) -> None:
    """Refuse what is no text: a byte that is not UTF-8, or half of a surrogate pair, as Python and JSON carry them.

    Raises:
        ConfigurationError: there is such a place; says where.
    """
    if half := _HALF.search(text):
        raise ConfigurationError(
            f"{where}: {half[0]!r} at character {half.start()} is no character; want text that UTF-8 can carry"
        )


def read_conversation(messages: Any) -> Conversation:
    """Read `[{"role", "content", "audios": [{"audio", "text", "sampling_rate"}]}]`, upstream's form of a conversation.

    Where `content` has the tags around a locator already, they count as the locator's own.

    Raises:
        ConfigurationError: a message is not of this form, or has more locators or fewer than recordings.
    """
    if isinstance(messages, str | bytes) or not isinstance(messages, Sequence) or not messages:
        raise ConfigurationError(f"messages: want a list of messages, one at least, got {_shown(messages)}")
    read = [_message(message, f"messages[{number}]") for number, message in enumerate(messages)]
    return Conversation(tuple(m for m, _ in read), tuple(recording for _, found in read for recording in found))


def _message(message: Any, where: str) -> tuple[Message, list[Recording]]:
    _check_keys(message, _IN_A_MESSAGE, where)
    role, content, audios = message.get("role"), message.get("content"), message.get("audios") or ()
    if role not in ROLES:
        raise ConfigurationError(f"{where}.role: want one of {', '.join(ROLES)}, got {_shown(role)}")
    if not isinstance(content, str):
        raise ConfigurationError(f"{where}.content: want text, got {_shown(content)}")
    check_text(content, f"{where}.content")
    if isinstance(audios, str | bytes | Mapping) or not isinstance(audios, Sequence):
        raise ConfigurationError(f'{where}.audios: want a list of {{"audio": …}}, got {_shown(audios)}')
    bare = content.replace(AUDIO_SPAN, AUDIO_LOCATOR)
    if bare.count(AUDIO_LOCATOR) != len(audios):
        raise ConfigurationError(
            f"{where}: {bare.count(AUDIO_LOCATOR)} {AUDIO_LOCATOR} in content for {len(audios)} audios; "
            "write one where each recording belongs"
        )
    recordings = [_recording(audio, f"{where}.audios[{number}]") for number, audio in enumerate(audios)]
    return Message(role=role, content=bare), recordings


def _recording(audio: Any, where: str) -> Recording:
    _check_keys(audio, _IN_AN_AUDIO, where)
    given, rate_hz, text = audio.get("audio"), audio.get("sampling_rate"), audio.get("text")
    if text is not None and not isinstance(text, str):
        raise ConfigurationError(f"{where}.text: want a transcript or nothing, got {_shown(text)}")
    check_text(text or "", f"{where}.text")
    if isinstance(given, str | Path):
        given = Path(given)
    elif isinstance(given, bytes | bytearray | memoryview):
        given = bytes(given)
    else:
        given = _array(given, where)
        if isinstance(rate_hz, bool) or not isinstance(rate_hz, int | np.integer):
            raise ConfigurationError(f"{where}.sampling_rate: samples need their rate in Hz, got {_shown(rate_hz)}")
        return Recording(where, given, int(rate_hz), text)
    if rate_hz is not None:
        raise ConfigurationError(f"{where}.sampling_rate: is for samples; a file says its own rate")
    return Recording(where, given, None, text)


def _array(given: Any, where: str) -> NDArray[Any]:
    try:
        array = np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConfigurationError(f"{where}.audio: not samples: {error}") from error
    if array.dtype.kind not in "fiu" or array.ndim not in {1, 2}:
        raise ConfigurationError(
            f"{where}.audio: want a path, bytes, or samples of one or two dimensions, got {_shown(given)}"
        )
    return array


def _check_keys(given: Any, known: set[str], where: str) -> None:
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{where}: want an object, got {_shown(given)}")
    if odd := sorted(map(str, given.keys() - known)):
        raise ConfigurationError(f"{where}: unknown key {odd[0]!r}; it has {', '.join(sorted(known))}")


def _spanned(content: str, clips: Any) -> str:
    first, *others = content.split(AUDIO_LOCATOR)
    return first + "".join(AUDIO_SPAN * next(clips) + part for part in others)


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)[:60]
