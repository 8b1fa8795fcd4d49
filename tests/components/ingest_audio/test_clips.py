import numpy as np
import pytest

from components.core.audio import quantise
from components.ingest_audio.clips import level_dbfs
from tests.builders import make_tone


def test_the_level_is_the_rms_in_decibels_below_full_scale() -> None:
    assert level_dbfs(quantise(make_tone(level=1.0))) == pytest.approx(-3.01, abs=0.01)
    assert level_dbfs(quantise(make_tone(level=0.1))) == pytest.approx(-23.01, abs=0.01)


def test_the_loudest_tenth_of_a_second_decides() -> None:
    samples = np.zeros(160_000, np.float32)
    samples[80_000:96_000] = make_tone(level=0.1)
    assert level_dbfs(quantise(samples)) == pytest.approx(-23.0, abs=0.1)


def test_a_click_does_not_make_silence_audible() -> None:
    samples = np.zeros(16_000, np.float32)
    samples[5000] = 0.03
    assert level_dbfs(quantise(samples)) < -60


def test_a_constant_offset_is_silent() -> None:
    assert level_dbfs(np.full(16_000, 12_000, np.int16)) == -np.inf


def test_a_clip_shorter_than_the_window_has_a_level() -> None:
    assert level_dbfs(quantise(make_tone(level=1.0)[:800])) == pytest.approx(-3.0, abs=0.1)
