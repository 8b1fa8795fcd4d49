"""Histograms of what was counted in whole steps, with bins that a person can read."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

_MOST_BARS = 24
_NICE = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bin: from where (in the unit of the axis), and how many samples of each fate are in it."""

    start: float
    accepted: int
    refused: int


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Bars of one width from the lowest bin that is not empty to the highest."""

    title: str
    unit: str
    width: float
    bars: tuple[Bar, ...]

    @property
    def tallest(self) -> int:
        """How many samples the highest bar has; 1 without any."""
        return max((bar.accepted + bar.refused for bar in self.bars), default=1)


def histogram(title: str, unit: str, counts: Mapping[tuple[int, bool], int], step: float = 1.0) -> Histogram:
    """Gather counts by (number of steps, accepted) into few bins; a step is `step` units."""
    if not counts:
        return Histogram(title=title, unit=unit, width=step, bars=())
    low, high = min(number for number, _ in counts), max(number for number, _ in counts)
    wide = next((nice for nice in _NICE if (high - low) // nice < _MOST_BARS), high - low)
    bins: Counter[tuple[int, bool]] = Counter()
    for (number, accepted), count in counts.items():
        bins[number // wide, accepted] += count
    bars = (
        Bar(start=at * wide * step, accepted=bins[at, True], refused=bins[at, False])
        for at in range(low // wide, high // wide + 1)
    )
    return Histogram(title=title, unit=unit, width=wide * step, bars=tuple(bars))
