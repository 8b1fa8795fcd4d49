"""Words that somebody wrote down, on their way into a conversation: they cannot break its form."""

import unicodedata

# Angle brackets and bars too: `<|im_end|>` in a transcript would end a turn of the conversation.
_NO_BRACKETS = str.maketrans(dict.fromkeys("()[]{}<>|", " "))
_JOINERS = "\u200c\u200d"  # format characters that belong to the spelling of Persian and of Indic scripts


def clean(text: str) -> str:
    """Return text on one line without brackets and control characters, its spaces single."""
    visible = "".join(_visible(character) for character in text.translate(_NO_BRACKETS))
    return " ".join(visible.split())


def _visible(character: str) -> str:
    invisible = unicodedata.category(character).startswith("C") and character not in _JOINERS
    return " " if invisible else character
