from pathlib import Path

import pytest

from components.core.contracts.records import Domain
from components.extract_metadata import words
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


README = Path(words.__file__).parent / "README.md"


@pytest.mark.parametrize(
    ("row", "bounds"),
    [
        ("| rate of speech |", (words.SLOW_WPM, words.FAST_WPM)),
        ("| pitch of a voice |", (words.LOW_VOICE_HZ, words.HIGH_VOICE_HZ)),
        ("| pitch of a tone |", (words.LOW_TONE_HZ, words.HIGH_TONE_HZ)),
        ("| loudness |", (words.QUIET_LUFS, words.LOUD_LUFS)),
    ],
)
def test_the_bounds_are_published_in_the_readme(row: str, bounds: tuple[float, float]) -> None:
    (line,) = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith(row)]
    assert [f"below {bounds[0]:g}", f"above {bounds[1]:g}"] == [
        cell.split(": ")[1].strip() for cell in line.split("|")[3:5]
    ]
