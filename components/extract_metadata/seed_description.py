"""The line that the generator reads in place of a clip: `[mm:ss-mm:ss] transcript (Attribute: value, …)`.

The schema is upstream's. A transcript or an annotation cannot break it: brackets, control characters and line breaks
are taken out of all text, commas and colons out of what stands between the round brackets.
"""

import unicodedata
from collections.abc import Mapping

from components.core.contracts.records import Clip, Domain, Measurements
from components.core.corpora.policy import plain
from components.extract_metadata.languages import name_of
from components.extract_metadata.words import measured_words

# Angle brackets and bars too: `<|im_end|>` in a transcript would end a turn of the conversation.
_NO_BRACKETS = str.maketrans(dict.fromkeys("()[]{}<>|", " "))
_JOINERS = "\u200c\u200d"  # format characters that belong to the spelling of Persian and of Indic scripts
_LABELS = {"snr": "SNR"}


def told_attributes(clip: Clip, measurements: Measurements) -> dict[str, str]:
    """Return what may be told of a clip, in the order in which it is told.

    First the annotated attributes that the corpus lets into a description, then the language of speech, then what was
    measured; what a corpus annotated itself is not measured again.
    """
    told = {name: value for name in clip.describable if (value := _value(clip.attributes.get(name, "")))}
    heard = {plain(name) for name in told}
    language = {"language": name_of(clip.language)} if clip.language and clip.domain is Domain.SPEECH else {}
    measured = {**language, **measured_words(measurements, clip.domain)}
    return {**told, **{name: _value(word) for name, word in measured.items() if name not in heard}}


def seed_description(duration_s: float, transcript: str | None, attributes: Mapping[str, str], longest: int) -> str:
    """Write the line; a transcript or value of more than `longest` characters is cut at a word."""
    last_s = max(1, round(duration_s))
    parts = [f"[00:00-{last_s // 60:02d}:{last_s % 60:02d}]"]
    if transcript:
        parts.append(cut(transcript, longest))
    if attributes:
        listed = ", ".join(f"{_label(name)}: {cut(value, longest)}" for name, value in attributes.items())
        parts.append(f"({listed})")
    return " ".join(parts)


def clean(text: str) -> str:
    """Return text on one line without brackets and control characters, its spaces single."""
    visible = "".join(_visible(character) for character in text.translate(_NO_BRACKETS))
    return " ".join(visible.split())


def _visible(character: str) -> str:
    invisible = unicodedata.category(character).startswith("C") and character not in _JOINERS
    return " " if invisible else character


def cut(text: str, longest: int) -> str:
    """Return text of at most `longest` characters, cut at a word where there is one."""
    if len(text) <= longest:
        return text
    kept = text[: longest - 1]
    return (kept.rsplit(" ", 1)[0] if " " in kept else kept).rstrip() + "…"


def _value(text: str) -> str:
    return clean(text).replace(",", ";").rstrip(" .")


def _label(name: str) -> str:
    """Return the name of an attribute as a person writes it: `sound_event` is `Sound event`."""
    words = " ".join(clean(name).replace("_", " ").replace(",", " ").replace(":", " ").split())
    return _LABELS.get(plain(name), words[:1].upper() + words[1:])
