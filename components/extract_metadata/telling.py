"""What may be told of a clip or of a part of it, and who says so."""

from collections.abc import Container, Mapping
from dataclasses import dataclass

from components.core.contracts.records import Clip, Domain, Measurements
from components.core.corpora.policy import plain
from components.core.languages import name_of
from components.extract_metadata.heard import BY_CORPUS, HeardClip
from components.extract_metadata.seed_description import as_value
from components.extract_metadata.words import MEASURED, measured_words

_OF_ONE_VOICE = frozenset({"pitch", "speaking_rate"})
"""What is measured of each part and not of the whole: the median of two voices is nobody's."""


@dataclass(frozen=True)
class Said:
    """The value of an attribute, and who says so: `corpus`, a tool with its version, or `asr:` and a digest."""

    value: str
    by: str


def told_of_clip(heard: HeardClip, measurements: Measurements) -> dict[str, Said]:
    """Return what may be told of a clip, in the order in which it is told.

    First the annotated attributes that the corpus lets into a description, then the language of speech, then what was
    measured; what a corpus annotated itself is not measured again.
    """
    clip = heard.clip
    spoken = clip.language if clip.domain is Domain.SPEECH else None
    language = {"language": Said(as_value(name_of(spoken)), heard.language_by)} if spoken else {}
    words = measured_words(measurements, clip.domain)
    return _first_said(_annotated(clip), {**language, **_measured(words, measurements.tools)})


def told_of_whole(heard: HeardClip, measurements: Measurements, said: Container[str]) -> dict[str, Said]:
    """Return what may be told of a clip beside its parts: neither what they say themselves nor what one voice has."""

    def belongs(name: str, told: Said) -> bool:
        return name not in said and (told.by == BY_CORPUS or name not in _OF_ONE_VOICE)

    told = told_of_clip(heard, measurements)
    return {name: each for name, each in told.items() if belongs(name, each)}


def told_of_part(
    part: Clip, whole: Clip, speaker: str | None, words: Mapping[str, str], tools: Mapping[str, str]
) -> dict[str, Said]:
    """Return what may be told of a part: which of the speakers it is, its annotations, and its measured words.

    What the corpus says of the whole clip is not measured on its parts.
    """
    annotated, of_all = _annotated(part), _annotated(whole)
    voice = {"speaker": Said(speaker, BY_CORPUS)} if speaker and not _names(annotated, "speaker") else {}
    new = {name: word for name, word in words.items() if not _names(of_all, name)}
    return {**voice, **_first_said(annotated, _measured(new, tools))}


def _annotated(clip: Clip) -> dict[str, Said]:
    values = {name: as_value(clip.attributes.get(name, "")) for name in clip.describable}
    return {name: Said(value, BY_CORPUS) for name, value in values.items() if value}


def _measured(words: Mapping[str, str], tools: Mapping[str, str]) -> dict[str, Said]:
    return {name: Said(word, tools[MEASURED[name]]) for name, word in words.items()}


def _first_said(first: dict[str, Said], then: dict[str, Said]) -> dict[str, Said]:
    return {**first, **{name: told for name, told in then.items() if not _names(first, name)}}


def _names(told: Mapping[str, Said], attribute: str) -> bool:
    return any(plain(name) == attribute for name in told)
