"""Where long audio is cut: in a pause, else where it is quietest, whoever reads it and in whatever rate."""

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from components.core.audio import Samples, resample
from components.core.contracts.records import SAMPLE_RATE_HZ
from components.core.voice_detector import VoiceDetector, gaps

LONGEST_S = 30.0
"""What the encoder hears at once: it would leave out the rest."""

Stretch = tuple[int, int]
"""Samples from the first to before the second."""
Pauses = Callable[[Samples, int], Iterator[list[Stretch]]]
"""Yields the pauses of a window that begins at a place, the better known first."""

_EARLIEST = 1 / 3
"""A piece is at least this part of the longest one: many long pieces are worth more than a perfect pause."""
_LEAST_LEFT_S = 1.0  # what remains after a cut is at least so long
_QUIET_S = 0.1


def ends(read: Callable[[int], Samples], rate_hz: int, longest_s: float, pauses: Pauses) -> Iterator[int]:
    """Yield the sample before which each piece ends; `read` returns the next samples, at most as many as asked for."""
    longest, least_left = round(longest_s * rate_hz), round(_LEAST_LEFT_S * rate_hz)
    waiting, done = np.zeros(0, np.float32), 0
    while True:
        waiting = np.concatenate([waiting, read(longest + least_left - len(waiting))])
        if len(waiting) <= longest:
            yield done + len(waiting)
            return
        window = waiting[: min(longest, len(waiting) - least_left)]
        cut = _cut(window, rate_hz, pauses(window, done), round(longest * _EARLIEST))
        waiting, done = waiting[cut:], done + cut
        yield done


def heard_pauses(window: Samples, rate_hz: int) -> list[Stretch]:
    """Return the stretches in which nobody is heard to speak."""
    heard = resample(window, rate_hz).astype(np.float32)
    scale = rate_hz / SAMPLE_RATE_HZ
    found = gaps(detector().spans(heard), len(heard))
    return [(round(gap.start * scale), min(len(window), round(gap.end * scale))) for gap in found]


@cache
def detector() -> VoiceDetector:
    """Return the voice detector as it is without settings."""
    return VoiceDetector()


def _cut(window: Samples, rate_hz: int, known: Iterator[list[Stretch]], earliest: int) -> int:
    """Return after how many samples to cut: in the longest pause, the later of two, else where it is quietest."""
    for pauses in known:
        inside = [(max(start, earliest), end) for start, end in pauses if end > earliest]
        if inside:
            start, end = max(inside, key=lambda pause: (pause[1] - pause[0], pause[1]))
            return (start + end) // 2
    return _quietest(window, earliest, round(_QUIET_S * rate_hz))


def _quietest(window: Samples, earliest: int, width: int) -> int:
    rest = window[earliest:]
    energies = (rest[: len(rest) // width * width].reshape(-1, width).astype(np.float64) ** 2).mean(axis=1)
    return earliest + int(energies.argmin()) * width + width // 2
