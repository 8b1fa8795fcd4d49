"""In which language an answer is, as far as a short text shows it: by its script and by its small words."""

import re
import unicodedata
from functools import lru_cache

_FEW_WORDS = 8
"""Shorter answers may be names and nouns only, in any language."""
_SMALL_WORDS = """
    an and are be but by can for from has have her his i i'm is in it it's its my not of on one or she some than that
    the their there they this to was which who with would you your you're
"""
_ENGLISH = frozenset(_SMALL_WORDS.split())
"""Small words of English that few languages written alike share; every other word or third word is one of them."""


def foreign_letters(response: str, heard: str) -> float:
    """Return the share (0 to 1) of the answer's letters whose script `heard` (prompt, transcript) does not use."""
    said = [script for letter in response if (script := _script(letter))]
    known = {_script(letter) for letter in heard}
    return sum(script not in known for script in said) / len(said) if said else 0.0


def function_words(response: str, prompt: str, transcript: str | None) -> float | None:
    """Return the share (0 to 1) of English small words in an answer to an English question.

    What the speaker says does not count, an answer may quote it. `None` where the prompt is not English, or where too
    few words are left to tell.
    """
    quoted = set(_words(transcript or ""))
    words = [word for word in _words(response) if word not in quoted]
    asked = sum(word in _ENGLISH for word in _words(prompt))
    if asked < 2 or len(words) < _FEW_WORDS:
        return None
    return sum(word in _ENGLISH for word in words) / len(words)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text.casefold())


@lru_cache(maxsize=4096)
def _script(character: str) -> str | None:
    """Return the first word of a letter's Unicode name, such as LATIN or CYRILLIC; `None` for what is no letter."""
    return unicodedata.name(character, "?").split()[0] if character.isalpha() else None
