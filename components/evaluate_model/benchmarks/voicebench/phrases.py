"""Rules that look for phrases, in order: the first that matches decides.

`@` stands for each word of a list in turn, of which the position is the answer; `…` for any words; `<` is the
beginning of the text and `>` its end.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Block = tuple[int | tuple[str, ...], str]
"""Phrases with `|` between them, and the answer that they stand for, or the words that `@` stands for in each."""


@dataclass(frozen=True)
class Rules:
    """An ordered list of phrases, each with the answer that it gives."""

    patterns: tuple[tuple[re.Pattern[str], int], ...]

    def answer(self, text: str) -> int | None:
        """Return the answer of the first phrase that is in a text, if any is."""
        return next((answer for pattern, answer in self.patterns if pattern.search(text)), None)


def rules(blocks: Sequence[Block]) -> Rules:
    """Return the rules that blocks of phrases make, in their order."""
    return Rules(tuple((_pattern(phrase), answer) for block in blocks for phrase, answer in _phrases(block)))


def _phrases(block: Block) -> Iterator[tuple[str, int]]:
    meaning, text = block
    for phrase in text.split("|"):
        if isinstance(meaning, int):
            yield phrase, meaning
        else:
            yield from ((phrase.replace("@", word), answer) for answer, word in enumerate(meaning))


def _pattern(phrase: str) -> re.Pattern[str]:
    starts, ends = phrase.startswith("<"), phrase.endswith(">")
    body = re.escape(phrase.removeprefix("<").removesuffix(">")).replace("…", ".+?")
    return re.compile((r"\A" if starts else "") + body + (r"\Z" if ends else ""))
