"""What is known of one stretch of audio, and how stretches of one file are taken together."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Domain, Segment, Split
from components.core.corpora.entries import Member


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """One stretch of audio and what the corpus says of it; `None` where it says nothing.

    `path` is its name below the corpus folder, always printable as UTF-8; `file` is where it lies, as a `member` of it
    or whole. `duration_s` is `None` up to the end.
    """

    corpus: str
    path: str
    file: Path
    member: Member | None = None
    start_s: float = 0.0
    duration_s: float | None = None
    domain: Domain
    split: Split | None
    licence: str
    language: str | None
    transcript: str | None
    speaker_id: str | None
    source_id: str
    attributes: dict[str, str]
    describable: tuple[str, ...]
    segments: tuple[Segment, ...] = ()


def together(recordings: Sequence[Recording]) -> list[Recording]:
    """Return one recording for each file, with a segment for each of its stretches.

    Attributes that all stretches share are the recording's, the others the segments'. A file without stretches stays
    as it is.

    Raises:
        SourceError: a stretch without an end, or stretches of one file in different splits, domains or languages.
    """
    files: defaultdict[str, list[Recording]] = defaultdict(list)
    for recording in recordings:
        files[recording.path].append(recording)
    return [_whole(sorted(stretches, key=lambda one: one.start_s)) for stretches in files.values()]


def _whole(stretches: Sequence[Recording]) -> Recording:
    first = stretches[0]
    if len(stretches) == 1 and first.duration_s is None:
        return first
    for name in ("split", "domain", "language", "licence", "source_id"):
        if len(said := sorted({str(getattr(one, name)) for one in stretches})) > 1:
            raise SourceError(
                f"{first.corpus}/{first.path}: its stretches have {name} {said[0]!r} and {said[1]!r}; {_MEND}"
            )
    shared = dict(set.intersection(*(set(one.attributes.items()) for one in stretches)))
    speakers = {one.speaker_id for one in stretches}
    return replace(
        first,
        start_s=0.0,
        duration_s=None,
        transcript=None,
        speaker_id=first.speaker_id if len(speakers) == 1 else None,
        attributes=dict(sorted(shared.items())),
        segments=tuple(_segment(one, shared) for one in stretches),
    )


_MEND = "give them the same, or remove `stretches: together`"


def _segment(stretch: Recording, shared: dict[str, str]) -> Segment:
    if stretch.duration_s is None:
        raise SourceError(
            f"{stretch.corpus}/{stretch.path}: the stretch at {stretch.start_s:g} s has no duration_s; {_MEND}"
        )
    return Segment(
        start_s=stretch.start_s,
        end_s=stretch.start_s + stretch.duration_s,
        transcript=stretch.transcript,
        speaker_id=stretch.speaker_id,
        attributes={name: value for name, value in stretch.attributes.items() if name not in shared},
    )
