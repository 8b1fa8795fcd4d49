"""Recordings that are too long for a clip are cut where nobody speaks; every piece keeps its place in the file.

A file of any length is read forward with two pieces in memory at most.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import soundfile as sf

from components.core.audio import AudioError, Samples, go_to, opened
from components.core.contracts.records import Domain, Segment
from components.core.corpora.recordings import Recording
from components.core.cutting import Stretch, ends, heard_pauses
from components.ingest_audio.splits import Placed


def cut_at_pauses(placed: Placed, audio: Path | bytes, max_s: float) -> tuple[Placed, ...]:
    """Return the recording itself where it fits into a clip, else its pieces in their order.

    Words that the corpus gives for the whole recording belong to no piece; segments go with the piece they lie in.
    What cannot be read is returned whole: decoding it says what is wrong.
    """
    recording = placed.recording
    try:
        with opened(audio) as file:
            if _length_s(file, recording) <= max_s:
                return (placed,)
            go_to(file, recording.start_s)
            ends_s = list(_ends_s(file, recording, max_s))
    except AudioError:
        return (placed,)
    if len(ends_s) == 1:
        return (placed,)
    starts_s = [0.0, *ends_s[:-1]]
    pieces = (_piece(recording, start_s, end_s) for start_s, end_s in zip(starts_s, ends_s, strict=True))
    return tuple(replace(placed, recording=piece) for piece in pieces)


def _length_s(file: sf.SoundFile, recording: Recording) -> float:
    left_s: float = file.frames / file.samplerate - recording.start_s
    return left_s if recording.duration_s is None else min(left_s, recording.duration_s)


def _ends_s(file: sf.SoundFile, recording: Recording, max_s: float) -> Iterator[float]:
    """Yield where each piece ends, in seconds from the beginning of the recording."""
    rate_hz = file.samplerate
    left = None if recording.duration_s is None else round(recording.duration_s * rate_hz)

    def read(wanted: int) -> Samples:
        nonlocal left
        wanted = wanted if left is None else min(wanted, left)
        block: Samples = file.read(wanted, dtype="float32", always_2d=True).mean(axis=1)
        left = None if left is None else left - len(block)
        return block

    def pauses(window: Samples, begins: int) -> Iterator[list[Stretch]]:
        """Yield in which samples nobody speaks: as the corpus says, then as they are heard."""
        if recording.segments:
            yield _between(recording.segments, begins / rate_hz, len(window), rate_hz)
        if recording.domain is Domain.SPEECH:
            yield heard_pauses(window, rate_hz)

    return (end / rate_hz for end in ends(read, rate_hz, max_s, pauses))


def _between(segments: tuple[Segment, ...], begins_s: float, length: int, rate_hz: int) -> list[Stretch]:
    """Return what lies between segments; two that touch leave a pause of no length."""
    pauses, silent_from = [], 0
    for segment in sorted(segments, key=lambda segment: segment.start_s):
        start = min(length, round((segment.start_s - begins_s) * rate_hz))
        if start >= silent_from:
            pauses.append((silent_from, start))
        silent_from = max(silent_from, round((segment.end_s - begins_s) * rate_hz))
    return pauses if silent_from >= length else [*pauses, (silent_from, length)]


def _piece(recording: Recording, start_s: float, end_s: float) -> Recording:
    return replace(
        recording,
        start_s=recording.start_s + start_s,
        duration_s=end_s - start_s,
        transcript=None,
        segments=tuple(part for segment in recording.segments if (part := _part(segment, start_s, end_s))),
    )


def _part(segment: Segment, start_s: float, end_s: float) -> Segment | None:
    """Return what a piece has of a segment; the words of one that was cut through belong to neither part."""
    start, end = max(segment.start_s, start_s), min(segment.end_s, end_s)
    if end <= start:
        return None
    whole = (start, end) == (segment.start_s, segment.end_s)
    return segment.model_copy(
        update={
            "start_s": start - start_s,
            "end_s": end - start_s,
            "transcript": segment.transcript if whole else None,
        }
    )
