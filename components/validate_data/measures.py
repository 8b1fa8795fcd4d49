"""What can be said of one sample in numbers and short words: the pure functions behind every expectation."""

import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from components.core.contracts.records import AUDIO_LOCATOR, Message

_PHRASE_WORDS = 4
_LOOP_WORDS = 12
"""Below so many words a repetition may be the answer: 'tick tock, tick tock, tick tock'."""
_INVISIBLE = frozenset("ZCP")
"""Unicode's separators, controls (zero-width marks too) and punctuation; letters, digits and symbols say something."""


@dataclass(frozen=True, kw_only=True)
class Measures:
    """One row of the frame that the expectations look at; small, however long the answer is."""

    clip_id: str
    domain: str
    clip_domain: str | None
    split: str
    clip_split: str | None
    contamination: str | None
    time_stamp_excess_s: float | None
    audio_places: int
    earlier_uses: int
    same_answers: int
    visible_characters: int
    special_token: str | None
    repeated_share: float
    compression: float
    finish_reason: str
    foreign_letters: float
    function_words: float | None
    contradiction: str | None
    copied_attributes: int
    leaked_phrase: str | None
    refusal_phrase: str | None
    window_tokens: int


def audio_places(messages: Sequence[Message]) -> int:
    """Count the places for audio in a conversation."""
    return sum(message.content.count(AUDIO_LOCATOR) for message in messages)


def time_stamp_excess_s(seed_description: str, duration_s: float) -> float | None:
    """Return by how many seconds the last time stamp lies behind the end of the clip; `None` without a time stamp."""
    ends = [60 * int(minutes) + int(seconds) for minutes, seconds in re.findall(r"-(\d+):(\d\d)\]", seed_description)]
    return max(ends) - duration_s if ends else None


def same_words(text: str) -> str:
    """Return the words of a text alone: equal for answers that differ in case, spaces and punctuation only."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def visible_characters(text: str) -> int:
    """Count what says something: neither space, control character nor punctuation."""
    return sum(unicodedata.category(character)[0] not in _INVISIBLE for character in text)


def repeated_share(text: str) -> float:
    """Return the share (0 to 1) of 4-word phrases that the same text used before; 0 for less than a dozen words."""
    words = re.findall(r"\w+", text.casefold())
    if len(words) < _LOOP_WORDS:
        return 0.0
    phrases = [tuple(words[at : at + _PHRASE_WORDS]) for at in range(len(words) - _PHRASE_WORDS + 1)]
    return 1 - len(set(phrases)) / len(phrases)


def compression(text: str) -> float:
    """Return how many times zlib makes a text smaller; short texts cannot be made much smaller, so they are safe."""
    data = text.encode()
    return len(data) / len(zlib.compress(data))


def copied_attributes(response: str, seed_description: str) -> int:
    """Count the description's `Name: value` pairs that stand in the answer as they were written."""
    pairs = re.findall(r"[(,]\s*([^:,()]+:[^,()]+)", seed_description)
    said = _one_line(response)
    return sum(_one_line(pair) in said for pair in pairs)


def _one_line(text: str) -> str:
    return " ".join(text.casefold().split())
