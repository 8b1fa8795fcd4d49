import numpy as np
import pytest

from components.core.audio import Samples
from components.core.contracts.records import Domain
from components.core.voice_detector import Span
from components.extract_metadata.pitch import pitch_hz
from tests.builders import make_tone
from tests.components.extract_metadata.making import noise, spoken

EVERYWHERE = [Span(0, 10**6)]


def voice(hertz: float, *, lowest: float = 0, highest: float = 8000) -> Samples:
    """Harmonics that fall off as a voice's do, within a band."""
    time_s = np.arange(32_000) / 16_000
    numbers = [n for n in range(1, 60) if lowest <= n * hertz <= highest]
    wave = sum(np.sin(2 * np.pi * n * hertz * time_s + n) / n for n in numbers)
    return np.asarray(0.3 * wave / np.abs(wave).max(), np.float32)


@pytest.mark.parametrize("hertz", [70, 85, 120, 155, 210, 255, 300, 450])
def test_the_pitch_of_a_voice_is_its_fundamental(hertz: float) -> None:
    assert pitch_hz(voice(hertz), EVERYWHERE, Domain.SPEECH) == pytest.approx(hertz, rel=0.01)


@pytest.mark.parametrize("hertz", [80, 120, 210, 280])
def test_a_telephone_that_cuts_the_fundamental_away_keeps_the_pitch(hertz: float) -> None:
    assert pitch_hz(voice(hertz, lowest=300, highest=3400), EVERYWHERE, Domain.SPEECH) == pytest.approx(hertz, rel=0.01)


@pytest.mark.parametrize("hertz", [65, 262, 440, 1047, 1500, 3000])
def test_the_pitch_of_a_tone_is_its_frequency(hertz: float) -> None:
    tone = make_tone(hertz=hertz, duration_s=2.0)
    assert pitch_hz(tone, [], Domain.MUSIC) == pytest.approx(hertz, rel=0.01)


def test_noise_does_not_hide_a_voice() -> None:
    noisy = voice(150) + noise(level=0.03)
    assert pitch_hz(noisy, EVERYWHERE, Domain.SPEECH) == pytest.approx(150, rel=0.02)


@pytest.mark.parametrize("domain", list(Domain))
def test_noise_silence_and_a_very_short_clip_have_no_pitch(domain: Domain) -> None:
    for samples in (noise(), np.zeros(32_000, np.float32), make_tone()[:500], np.zeros(0, np.float32)):
        assert pitch_hz(samples, EVERYWHERE, domain) is None


def test_only_where_somebody_speaks_is_a_voice_measured() -> None:
    samples = np.concatenate([voice(120), make_tone(hertz=400, duration_s=4.0)])
    assert pitch_hz(samples, [Span(0, 32_000)], Domain.SPEECH) == pytest.approx(120, rel=0.01)
    assert pitch_hz(samples, [], Domain.SPEECH) is None


def test_a_sound_that_is_mostly_noise_has_no_pitch() -> None:
    samples = np.concatenate([make_tone(duration_s=1.0), noise(seconds=3.0)])
    assert pitch_hz(samples, [], Domain.SOUND) is None


def test_real_men_and_women_are_where_they_should_be() -> None:
    man, _ = spoken("librivox-austen")
    woman, _ = spoken("asterisk-en")
    low, high = pitch_hz(man, EVERYWHERE, Domain.SPEECH), pitch_hz(woman, EVERYWHERE, Domain.SPEECH)
    assert low is not None
    assert high is not None
    assert 85 < low < 155
    assert 165 < high < 255
