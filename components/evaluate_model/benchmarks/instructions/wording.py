"""Rules about the words of a response: keywords, letters, language, case, punctuation."""

import re

from langdetect import DetectorFactory, LangDetectException, detect

from components.evaluate_model.benchmarks.instructions.arguments import Arguments
from components.evaluate_model.benchmarks.instructions.check import Check
from components.evaluate_model.benchmarks.instructions.sentences import capital_words_in

_LANGUAGES = frozenset(re.findall("..", "arbgbndeenesfafifrguhehiitjaknkomlmrnepaplptruswtatethukurvi"))
_SEED = 0


def language_of(text: str) -> str | None:
    """Return the ISO 639-1 code of the language of a text, by `langdetect` with a fixed seed; `None` if it has none."""
    DetectorFactory.seed = _SEED
    try:
        return str(detect(text))
    except LangDetectException:
        return None


def response_language(arguments: Arguments) -> Check:
    """Want a language; a text without one, such as digits, passes as it does officially."""
    language = arguments.choice("language", _LANGUAGES)
    return lambda response: language_of(response) in {language, None}


def existence(arguments: Arguments) -> Check:
    """Want every keyword, also within a longer word."""
    keywords = arguments.patterns("keywords")
    return lambda response: all(keyword.search(response) for keyword in keywords)


def forbidden_words(arguments: Arguments) -> Check:
    """Want none of the words; within a longer word they are allowed."""
    words = arguments.patterns("forbidden_words", r"\b{}\b")
    return lambda response: not any(word.search(response) for word in words)


def frequency(arguments: Arguments) -> Check:
    """Want a keyword so often, also within longer words."""
    keyword, relation = arguments.pattern("keyword"), arguments.relation("relation", "frequency")
    return lambda response: relation.holds(len(keyword.findall(response)))


def letter_frequency(arguments: Arguments) -> Check:
    """Want a letter so often, small or capital."""
    letter, relation = arguments.letter("letter"), arguments.relation("let_relation", "let_frequency")
    return lambda response: relation.holds(response.lower().count(letter))


def capital_word_frequency(arguments: Arguments) -> Check:
    """Want so many words in capital letters."""
    relation = arguments.relation("capital_relation", "capital_frequency")
    return lambda response: relation.holds(len(capital_words_in(response)))


def capital(_: Arguments) -> Check:
    """Want capital letters and no small ones; a text without letters has none."""
    return str.isupper


def lowercase(_: Arguments) -> Check:
    """Want small letters and no capital ones; a text without letters has none."""
    return str.islower


def english_capital(_: Arguments) -> Check:
    """Want capital letters alone, in English."""
    return lambda response: response.isupper() and language_of(response) in {"en", None}


def english_lowercase(_: Arguments) -> Check:
    """Want small letters alone, in English."""
    return lambda response: response.islower() and language_of(response) in {"en", None}


def no_comma(_: Arguments) -> Check:
    """Want no comma."""
    return lambda response: "," not in response
