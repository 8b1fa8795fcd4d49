"""Recordings that are too long for a clip are cut where nobody speaks; every piece keeps its place in the file.

A file of any length is read forward with two pieces in memory at most.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import soundfile as sf

from components.core.audio import AudioError, Samples, go_to, opened, resample
from components.core.contracts.records import SAMPLE_RATE_HZ, Domain, Segment
from components.core.corpora.recordings import Recording
from components.core.voice_detector import VoiceDetector, gaps
from components.ingest_audio.splits import Placed

_EARLIEST = 1 / 3
"""A piece is at least this part of the longest one: many long pieces are worth more than a perfect pause."""
_LEAST_LEFT_S = 1.0  # what remains after a cut is at least so long
_QUIET_S = 0.1


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
    longest, least_left = round(max_s * rate_hz), round(_LEAST_LEFT_S * rate_hz)
    left = None if recording.duration_s is None else round(recording.duration_s * rate_hz)
    waiting, done = np.zeros(0, np.float32), 0
    while True:
        wanted = longest + least_left - len(waiting)
        wanted = wanted if left is None else min(wanted, left)
        block: Samples = file.read(wanted, dtype="float32", always_2d=True).mean(axis=1)
        left = None if left is None else left - len(block)
        waiting = np.concatenate([waiting, block])
        if len(waiting) <= longest:
            yield (done + len(waiting)) / rate_hz
            return
        window = waiting[: min(longest, len(waiting) - least_left)]
        cut = _cut(window, rate_hz, recording, done / rate_hz, round(longest * _EARLIEST))
        waiting, done = waiting[cut:], done + cut
        yield done / rate_hz


def _cut(window: Samples, rate_hz: int, recording: Recording, begins_s: float, earliest: int) -> int:
    """Return after how many samples to cut: in the longest pause, the later of two, else where it is quietest."""
    for pauses in _pauses(window, rate_hz, recording, begins_s):
        inside = [(max(start, earliest), end) for start, end in pauses if end > earliest]
        if inside:
            start, end = max(inside, key=lambda pause: (pause[1] - pause[0], pause[1]))
            return (start + end) // 2
    return _quietest(window, earliest, round(_QUIET_S * rate_hz))


def _pauses(window: Samples, rate_hz: int, recording: Recording, begins_s: float) -> Iterator[list[tuple[int, int]]]:
    """Yield the stretches of samples in which nobody speaks: as the corpus says, then as they are heard."""
    if recording.segments:
        yield _between(recording.segments, begins_s, len(window), rate_hz)
    if recording.domain is Domain.SPEECH:
        heard = resample(window, rate_hz).astype(np.float32)
        scale = rate_hz / SAMPLE_RATE_HZ
        found = gaps(_detector().spans(heard), len(heard))
        yield [(round(gap.start * scale), min(len(window), round(gap.end * scale))) for gap in found]


def _between(segments: tuple[Segment, ...], begins_s: float, length: int, rate_hz: int) -> list[tuple[int, int]]:
    """Return what lies between segments; two that touch leave a pause of no length."""
    pauses, silent_from = [], 0
    for segment in sorted(segments, key=lambda segment: segment.start_s):
        start = min(length, round((segment.start_s - begins_s) * rate_hz))
        if start >= silent_from:
            pauses.append((silent_from, start))
        silent_from = max(silent_from, round((segment.end_s - begins_s) * rate_hz))
    return pauses if silent_from >= length else [*pauses, (silent_from, length)]


def _quietest(window: Samples, earliest: int, width: int) -> int:
    rest = window[earliest:]
    energies = (rest[: len(rest) // width * width].reshape(-1, width).astype(np.float64) ** 2).mean(axis=1)
    return earliest + int(energies.argmin()) * width + width // 2


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


@cache
def _detector() -> VoiceDetector:
    return VoiceDetector()
