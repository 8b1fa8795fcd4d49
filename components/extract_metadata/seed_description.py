"""The lines that the generator reads in place of a clip: `[mm:ss-mm:ss] transcript (Attribute: value, …)`.

A clip is one line; one that is told in parts is a line for each, and one for what holds for all of it. The schema is
upstream's. A transcript or an annotation cannot break it: brackets, control characters and line breaks are taken out of
all text, commas and colons out of what stands between the round brackets.
"""

from collections.abc import Iterator, Mapping, Sequence

from components.core.cleaning import clean
from components.core.contracts.records import DescribedSegment
from components.core.corpora.policy import plain

_LABELS = {"snr": "SNR"}


def seed_description(duration_s: float, transcript: str | None, attributes: Mapping[str, str], longest: int) -> str:
    """Write the line of a clip; a transcript or value of more than `longest` characters is cut at a word."""
    return _line(0, _last_s(duration_s), transcript, attributes, longest)


def segmented_description(
    duration_s: float, segments: Sequence[DescribedSegment], attributes: Mapping[str, str], longest: int
) -> str:
    """Write a line for each segment, then one for the `attributes` of the whole clip, if it has any.

    All transcripts together have at most `longest` characters: what is said after that is left out.
    """
    whole = [_line(0, _last_s(duration_s), None, attributes, longest)] if attributes else []
    return "\n".join([*_segment_lines(duration_s, segments, longest), *whole])


def _segment_lines(duration_s: float, segments: Sequence[DescribedSegment], longest: int) -> Iterator[str]:
    left = longest
    for segment in segments:
        first_s = min(round(segment.start_s), _last_s(duration_s) - 1)
        last_s = min(max(first_s + 1, round(segment.end_s)), _last_s(duration_s))
        words = cut(segment.transcript, left) if segment.transcript and left > 1 else None
        yield _line(first_s, last_s, words, segment.attributes, longest)
        left -= len(segment.transcript or "")


def _last_s(duration_s: float) -> int:
    return max(1, round(duration_s))


def _line(first_s: int, last_s: int, transcript: str | None, attributes: Mapping[str, str], longest: int) -> str:
    parts = [f"[{_clock(first_s)}-{_clock(last_s)}]"]
    if transcript:
        parts.append(cut(transcript, longest))
    if attributes:
        listed = ", ".join(f"{_label(name)}: {cut(value, longest)}" for name, value in attributes.items())
        parts.append(f"({listed})")
    return " ".join(parts)


def _clock(second: int) -> str:
    return f"{second // 60:02d}:{second % 60:02d}"


def cut(text: str, longest: int) -> str:
    """Return text of at most `longest` characters, cut at a word where there is one."""
    if len(text) <= longest:
        return text
    kept = text[: longest - 1]
    return (kept.rsplit(" ", 1)[0] if " " in kept else kept).rstrip() + "…"


def as_value(text: str) -> str:
    """Return text as it may stand for an attribute's value: clean, without commas and without a full stop."""
    return clean(text).replace(",", ";").rstrip(" .")


def _label(name: str) -> str:
    """Return the name of an attribute as a person writes it: `sound_event` is `Sound event`."""
    words = " ".join(clean(name).replace("_", " ").replace(",", " ").replace(":", " ").split())
    return _LABELS.get(plain(name), words[:1].upper() + words[1:])
