import pytest

from components.core.contracts.records import Domain
from components.extract_metadata.words import loudness_word, measured_words, pitch_word, rate_word
from tests.builders import make_measurements


@pytest.mark.parametrize(
    ("rate", "word"), [(129.9, "slow"), (130, "normal"), (190, "normal"), (190.1, "fast"), (None, None)]
)
def test_a_speaking_rate_in_words(rate: float | None, word: str | None) -> None:
    assert rate_word(rate) == word


@pytest.mark.parametrize(
    ("hertz", "voice", "tone"),
    [
        (100, "low", "low"),
        (155, "medium", "low"),
        (211, "high", "low"),
        (440, "high", "medium"),
        (1048, "high", "high"),
    ],
)
def test_a_voice_and_a_tone_have_their_own_bounds(hertz: float, voice: str, tone: str) -> None:
    assert pitch_word(hertz, Domain.SPEECH) == voice
    assert pitch_word(hertz, Domain.SOUND) == pitch_word(hertz, Domain.MUSIC) == tone


@pytest.mark.parametrize(("lufs", "word"), [(-30.1, "quiet"), (-23, "medium"), (-15.9, "loud"), (None, None)])
def test_a_loudness_in_words(lufs: float | None, word: str | None) -> None:
    assert loudness_word(lufs) == word


def test_speech_is_told_its_rate_and_noise_and_sounds_are_not() -> None:
    measured = make_measurements(pitch_hz=100.0, speaking_rate_wpm=150.0, loudness_lufs=-20.0, snr_db=23.6)
    assert measured_words(measured, Domain.SPEECH) == {
        "pitch": "low",
        "speaking_rate": "normal",
        "loudness": "medium",
        "snr": "24 dB",
    }
    assert measured_words(measured, Domain.SOUND) == {"pitch": "low", "loudness": "medium"}


def test_what_was_not_measured_is_not_told() -> None:
    assert measured_words(make_measurements(loudness_lufs=None, snr_db=None), Domain.SPEECH) == {}
