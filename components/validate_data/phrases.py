"""Ways of speaking that give an answer away: it read something instead of hearing it, or it did not answer.

The trained model hears the clip and reads nothing but the prompt and perhaps a transcript. An answer that speaks of a
description teaches it to claim what is not there; a refusal teaches it not to listen.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_LONGEST_QUOTE = 80
_CURLY_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"


@dataclass(frozen=True)
class Tell:
    """A pattern that gives an answer away, unless the prompt or the transcript speak of `topic` themselves."""

    says: re.Pattern[str]
    topic: re.Pattern[str] | None = None


def _tell(says: str, topic: str | None = None) -> Tell:
    return Tell(re.compile(says, re.IGNORECASE), re.compile(topic, re.IGNORECASE) if topic else None)


_THE = r"\b(?:the|this|that|your|my|given|provided|following|above)\s+(?:\w+\s+){0,2}?"
_TEXT = r"\btexts?\b"
_FACTS = r"(?:information|details|data|context)"

LEAKS = (
    _tell(r"\[\s*\d{1,2}:\d{2}"),
    _tell(_THE + r"descriptions?\b", topic=r"\bdescriptions?\b"),
    _tell(_THE + r"(?:transcripts?|transcriptions?)\b|\btranscript(?:ion)?:", topic=r"\btranscri"),
    _tell(_THE + r"(?:captions?|annotations?|attributes|timestamps?)\b"),
    _tell(r"\bmeta-?data\b", topic=r"\bmeta-?data\b"),
    _tell(r"\b(?:given|provided|input|above)\s+text\b|\btext\s+(?:above|provided|given)\b", topic=_TEXT),
    _tell(r"\b(?:according to|based on)\s+(?:the|this|your)\s+(?:\w+\s+)?text\b", topic=_TEXT),
    _tell(r"\b(?:the|this|your)\s+text\s+(?:says|states|mentions|describes|indicates|provides|does)\b", topic=_TEXT),
    _tell(rf"\b(?:described|mentioned|stated|listed|given|provided|shown|as|{_FACTS})\s+above\b"),
    _tell(rf"\b(?:provided|given)\s+{_FACTS}\b|\b{_FACTS}\s+(?:that\s+(?:is|was|you)\s+)?(?:provided|given)\b"),
)

_KIND_OF = r"an?\s+(?:[\w-]+\s+){0,2}?"
_NOT_ABLE = r"(?:not\s+(?:able|equipped)|unable)\s+to"
_UNABLE = (
    r"\b(?:I|we)(?:\s+(?:can(?:no|')?t|can not|could(?:n't| not)|(?:do not|don't) have the \w+ to|"
    rf"(?:am|are)\s+{_NOT_ABLE})|'(?:m|re)\s+{_NOT_ABLE})\s+(?:\w+\s+)?"
)
_TAKE_IN = r"(?:hear|listen to|access|play|provide|open|process|see|watch|read)"
_MEDIUM = r"(?:(?:the|this|that|any|your|an|to)\s+)?(?:audio|clips?|recordings?|files?|sounds?|music|speech|you)\b"
_SERVE = r"(?:hear|listen|assist|help|answer)(?:\s+(?:you|that|this|with (?:that|this)))?"

REFUSALS = (
    _tell(rf"\bas {_KIND_OF}(?:AI|language model|text[- ]based|virtual assistant|chatbot)\b"),
    _tell(rf"\bI(?: am|'m) (?:just |only )?{_KIND_OF}(?:AI|language model|chatbot)\b"),
    _tell(r"^\W*(?:I'm|I am|we're|we are) (?:very |so )?sorry(?:\s+for(?:\s+\w+){1,3})?,? but\b"),
    _tell(rf"{_UNABLE}{_TAKE_IN}\s+{_MEDIUM}"),
    _tell(rf"{_UNABLE}{_SERVE}\s*(?:[.!,;]|but\b|$)"),
)


def telling_phrase(tells: Iterable[Tell], response: str, heard: str) -> str | None:
    """Return the words of `response` that give it away; the same words in `heard` (prompt, transcript) excuse them."""
    said, heard = _plain(response), _plain(heard)
    for tell in tells:
        if tell.topic and tell.topic.search(heard):
            continue
        for found in tell.says.finditer(said):
            if found[0].casefold() not in heard.casefold():
                return found[0][:_LONGEST_QUOTE]
    return None


def _plain(text: str) -> str:
    return text.replace(_CURLY_APOSTROPHE, "'")
