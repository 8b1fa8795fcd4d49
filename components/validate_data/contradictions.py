"""Answers that say the opposite of what the description says, for the attributes whose values have plain words."""

import re
from collections import defaultdict
from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """How one value of an attribute is said; `hints` speak for it, but do not show that an answer means it."""

    said: re.Pattern[str]
    hints: re.Pattern[str]


def _word(said: str, hints: str = r"(?!)") -> Word:
    return Word(re.compile(rf"\b(?:{said})\b", re.IGNORECASE), re.compile(rf"\b(?:{hints})\b", re.IGNORECASE))


_WHO = r"(?:speaker|voice|person|singer|narrator|caller)"
_DOES = r"(?:speaks?|speaking|says?|saying|talks?|talking|sings?|singing|reads?|reading|announces?|announcing)"


def _person(words: str, pronouns: str) -> Word:
    """Whom the answer hears, and not of whom it is told: `a woman says`, `the speaker is female`."""
    heard = (
        rf"(?:{words})(?:'s)? {_WHO}",
        rf"{_WHO} (?:is|was|sounds like) (?:an? )?(?:[\w-]+ )?(?:{words})",
        rf"an? (?:[\w-]+ ){{0,2}}?(?:{words}) (?:is |who is |who )?{_DOES}",
    )
    return _word("|".join(heard), rf"{words}|{pronouns}")


# Only pairs that exclude each other: between `medium` and `high` an answer may round.
OPPOSITES: dict[str, dict[str, Word]] = {
    "gender": {
        "female": _person(r"female|wom[ae]n|girl|lady", r"ladies|girls|she|her|hers"),
        "male": _person(r"male|m[ae]n|boy|gentlem[ae]n", r"boys|he|him|his"),
    },
    "pitch": {
        "high": _word(r"high[- ]pitch(?:ed)?|high in pitch|pitch (?:is|was) high"),
        "low": _word(r"low[- ]pitch(?:ed)?|low in pitch|pitch (?:is|was) low"),
    },
    "speaking rate": {
        "fast": _word(r"(?:speaks?|speaking|talks?|talking) (?:very )?(?:fast|quickly|rapidly)|fast[- ]paced"),
        "slow": _word(r"(?:speaks?|speaking|talks?|talking) (?:very )?slowly|slow[- ]paced"),
    },
}


def contradiction(response: str, seed_description: str, heard: str) -> str | None:
    """Return the words by which an answer contradicts the description, and what they contradict.

    Words that `heard` (prompt, transcript) has are excused, and so is an answer that says both: it may speak of two.
    """
    for name, told in _told(seed_description).items():
        values = OPPOSITES[name]
        if not told <= values.keys():
            continue
        if any(values[value].said.search(response) or values[value].hints.search(response) for value in told):
            continue
        for value in values.keys() - told:
            found = values[value].said.search(response)
            if found and not values[value].said.search(heard):
                return f"{found[0]!r} against {name}: {', '.join(sorted(told))}"
    return None


def _told(seed_description: str) -> dict[str, set[str]]:
    told: defaultdict[str, set[str]] = defaultdict(set)
    for name, value in re.findall(r"[(,]\s*([^:,()]+):\s*([^,()]+)", seed_description.casefold()):
        if name.strip() in OPPOSITES:
            told[name.strip()].add(value.strip())
    return told
