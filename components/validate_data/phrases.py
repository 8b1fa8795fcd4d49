"""Ways of speaking that give an answer away: it read something instead of hearing it, or it did not answer.

The trained model hears the clip and reads nothing but the prompt and perhaps a transcript. An answer that speaks of a
description teaches it to claim what is not there; a refusal teaches it not to listen.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_LONGEST_QUOTE = 80


@dataclass(frozen=True)
class Tell:
    """A pattern of answers that gives them away, unless prompt or transcript hold `asked` or the very same words."""

    says: re.Pattern[str]
    asked: re.Pattern[str] | None = None


def _tell(says: str, asked: str | None = None) -> Tell:
    return Tell(re.compile(says, re.IGNORECASE), re.compile(asked, re.IGNORECASE) if asked else None)


_POINTED = r"\b(?:the|this|that|your|my|given|provided|following|above|seed)\s+(?:\w+\s+){0,2}?"

LEAKS = (
    _tell(r"\[\s*\d{1,2}:\d{2}"),
    _tell(_POINTED + r"descriptions?\b", asked=r"\bdescriptions?\b"),
    _tell(_POINTED + r"(?:transcripts?|transcriptions?)\b|\btranscript(?:ion)?:", asked=r"\btranscri"),
    _tell(_POINTED + r"(?:captions?|annotations?|attributes|timestamps?)\b"),
    _tell(r"\bmeta-?data\b", asked=r"\bmeta-?data\b"),
    _tell(r"\b(?:given|provided|input|above)\s+text\b|\btext\s+(?:above|provided|given)\b", asked=r"\btexts?\b"),
    _tell(r"\b(?:according to|based on)\s+(?:the|this|your)\s+(?:\w+\s+)?text\b", asked=r"\btexts?\b"),
    _tell(
        r"\b(?:the|this|your)\s+text\s+(?:says|states|mentions|describes|indicates|provides|does)\b",
        asked=r"\btexts?\b",
    ),
    _tell(r"\b(?:described|mentioned|stated|listed|given|provided|shown|as|information|details)\s+above\b"),
    _tell(r"\b(?:provided|given)\s+(?:information|details|data|context)\b"),
    _tell(r"\b(?:information|details|data|context)\s+(?:that\s+(?:is|was|you)\s+)?(?:provided|given)\b"),
)

_UNABLE = r"\b(?:I|we)\s+(?:can(?:no|')?t|can not|could(?:n't| not)|am (?:not able|unable) to|(?:do not|don't) have the \w+ to)\s+"
_PLAY = r"(?:\w+\s+)?(?:hear|listen to|access|play|open|process|see|watch|read)\s+"
_MEDIA = r"(?:(?:the|this|that|any|your|an|to)\s+)?(?:actual\s+)?(?:audio|clips?|recordings?|files?|sounds?|music|speech|you)\b"

REFUSALS = (
    _tell(r"\bas an? (?:[\w-]+\s+){0,2}?(?:AI|language model|text[- ]based|virtual assistant|chatbot)\b"),
    _tell(r"\b(?:I am|I'm) (?:just |only )?an? (?:[\w-]+\s+){0,2}?(?:AI|language model|chatbot)\b"),
    _tell(r"^\W*(?:I'm|I am|we're) (?:very |so )?sorry,? but\b"),
    _tell(_UNABLE + _PLAY + _MEDIA),
    _tell(
        _UNABLE
        + r"(?:hear|listen|assist|help|answer|fulfil)\w*(?:\s+(?:you|with (?:that|this)|that|this))?\s*(?:[.!,;]|but\b|$)"
    ),
)


def telling_phrase(tells: Iterable[Tell], response: str, others: str) -> str | None:
    """Return the first words of `response` that give it away; what `others` (prompt, transcript) say is no tell."""
    plain, heard = response.replace("’", "'"), others.replace("’", "'").casefold()
    for tell in tells:
        if tell.asked and tell.asked.search(heard):
            continue
        for found in tell.says.finditer(plain):
            if found[0].casefold() not in heard:
                return found[0][:_LONGEST_QUOTE]
    return None
