"""Sentences and words of English text, by rules, where the official code asks NLTK.

NLTK's sentence splitter is a trained model, punkt, whose data cannot be had without a network; what stands here is
meant to agree with it on plain prose, and has not been compared with it. A sentence ends with a word that ends in `.`,
`!` or `?`, whatever quotes, brackets or asterisks close behind it, unless the `.`

- ends a title or a word that wants another behind it (`Mr.`, `e.g.`, `vs.`, `No. 5`),
- ends another abbreviation, dotted letters or an initial (`Inc.`, `p.m.`, `J.`), and the next word is none that begins
  many a sentence (`The`, `He`),
- ends a number, and the next word is in lower case (`the 3. of May`),
- is one of several (`...`), and the next word is not in upper case.

A decimal point ends no word. A line break ends no sentence: a song without full stops is one. Where punkt has learnt an
abbreviation that is not listed, or another word that begins sentences, the counts differ.
"""

import re

_OPENERS, _CLOSERS = "\"'\u201c\u2018«([{*_", "\"'\u201d\u2019»)]}*_"


def _all(words: str) -> frozenset[str]:
    return frozenset(re.findall(r"\S+", words))


_BOUND = _all(
    "mr mrs ms dr prof st gen rep sen gov capt lt col sgt rev hon mt messrs fig vol pp e.g i.e cf vs viz approx"
)
_FREE = _all("inc ltd co corp jr sr etc al dept est ave blvd rd ph.d b.a m.a m.d")
_STARTERS = _all(
    "the a an this that these those he she it they we i you my his her its their our there here in on at for from with "
    "if when while as so but and or however then what why how who yes no after before"
)
_DOTTED = re.compile(r"[a-z](?:\.[a-z])*")
_WORD = re.compile(r"\w+")
_PIECE = re.compile(r"[^\s,;:!?()\[\]{}<>\"\u201c\u201d«»#$%&@`]+")
_CLITIC = re.compile(r"(?<=\w)(?=n['\u2019]t$|['\u2019](?:s|m|d|ll|re|ve)$)", re.IGNORECASE)


def sentences_of(text: str) -> tuple[str, ...]:
    """Return the sentences of a text in their order."""
    words = list(re.finditer(r"\S+", text))
    found, start = [], 0
    for word, following in zip(words, [*words[1:], None], strict=False):
        if following is None or _ends(word.group().rstrip(_CLOSERS), following.group().lstrip(_OPENERS)):
            found.append(text[start : word.end()].strip())
            start = word.end()
    return tuple(found)


def _ends(word: str, following: str) -> bool:
    """Tell whether a sentence ends with a word, given the next one."""
    if not word.endswith("."):
        return word.endswith(("!", "?"))
    if word.endswith(".."):
        return following[:1].isupper()
    stem = word[:-1].lstrip(_OPENERS)
    if stem.isdigit():
        return not following[:1].islower()
    if stem.lower() in _BOUND or (stem in {"No", "Nos"} and following[:1].isdigit()):
        return False
    if stem.lower() in _FREE or _DOTTED.fullmatch(stem.lower()):
        return following[:1].isupper() and re.split(r"\W", following.lower())[0] in _STARTERS
    return True


def words_in(text: str) -> list[str]:
    """Return the words of a text: runs of letters, digits and underscores."""
    return _WORD.findall(text)


def capital_words_in(text: str) -> list[str]:
    """Return the words that have capital letters and no small ones.

    Words are as NLTK's tokens are: a hyphenated word is one, and what is drawn together is two (`DON'T` is `DO` and
    `N'T`, so that `TV's` counts).
    """
    pieces = (piece for word in _PIECE.findall(text) for piece in re.split(r"--+|\.{2,}", word))
    return [part for piece in pieces for part in _CLITIC.split(piece.strip(".")) if part.isupper()]
