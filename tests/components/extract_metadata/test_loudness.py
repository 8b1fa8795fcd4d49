import numpy as np
import pytest
import torch
from torchaudio.functional import loudness

from components.extract_metadata.loudness import loudness_lufs
from tests.builders import make_tone
from tests.components.extract_metadata.making import noise, spoken


def test_the_standards_own_tone_has_the_standards_level() -> None:
    # BS.1770: a full-scale sine of 997 Hz in one channel reads -3.01.
    assert loudness_lufs(make_tone(hertz=997, level=1.0, duration_s=3.0)) == pytest.approx(-3.01, abs=0.1)


@pytest.mark.parametrize("hertz", [50, 200, 1000, 5000])
def test_it_agrees_with_torchaudio(hertz: float) -> None:
    samples = make_tone(hertz=hertz, duration_s=0.45) + noise(seconds=0.45, level=0.001)
    theirs = float(loudness(torch.from_numpy(samples)[None], 16_000))
    assert loudness_lufs(samples) == pytest.approx(theirs, abs=0.1)


def test_twice_the_level_is_six_decibels_more() -> None:
    quiet, loud = (loudness_lufs(make_tone(level=level, duration_s=2.0)) for level in (0.1, 0.2))
    assert quiet is not None
    assert loud == pytest.approx(quiet + 6.0, abs=0.11)


def test_silence_around_a_clip_does_not_count() -> None:
    samples, _ = spoken()
    padded = np.concatenate([np.zeros(80_000, np.float32), samples])
    assert loudness_lufs(padded) == pytest.approx(loudness_lufs(samples), abs=0.3)


def test_low_tones_count_less() -> None:
    low, middle = (loudness_lufs(make_tone(hertz=hertz, duration_s=2.0)) for hertz in (30, 1000))
    assert low is not None
    assert middle is not None
    assert low < middle - 6


def test_what_is_too_short_or_below_the_gate_has_no_loudness() -> None:
    assert loudness_lufs(make_tone()[:6399]) is None
    assert loudness_lufs(np.zeros(16_000, np.float32)) is None
