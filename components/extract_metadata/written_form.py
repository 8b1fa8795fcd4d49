"""Transcripts in one written form, whatever the corpus: the clip keeps the words as they were given."""

import re
import unicodedata

# Tags such as <unk>, [noise] or {breath}: what nobody said. Round brackets may hold words and are left to `clean`.
_TAG = re.compile(r"<[^\s<>][^<>]{0,40}>|\[[^\s\[\]][^\[\]]{0,40}\]|\{[^\s{}][^{}]{0,40}\}")
_LONG_WORD = re.compile(r"[^\W\d_]{3,}")
_ALONE = re.compile(r"\bi\b")


def written_form(transcript: str) -> str:
    """Return a transcript without tags for noises, in composed Unicode (NFC), and not all in capitals.

    Corpora such as LibriSpeech write capitals only: a language model reads those as shouting, and in other tokens. They
    become a sentence; abbreviations (`NASA`) and spelled letters (`M I S D N`) of one line stay as they are.
    """
    text = " ".join(_TAG.sub(" ", unicodedata.normalize("NFC", transcript)).split())
    return _ALONE.sub("I", text.capitalize()) if text.isupper() and len(_LONG_WORD.findall(text)) > 1 else text
