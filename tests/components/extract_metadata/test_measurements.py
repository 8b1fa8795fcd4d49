import numpy as np
import pytest

from components.core.contracts.records import Domain
from components.core.voice_detector import Span, VoiceDetector, seconds_of
from components.extract_metadata.measurements import measure, snr_db, speaking_rate_wpm
from tests.builders import make_tone
from tests.components.extract_metadata.making import noise, spoken


@pytest.mark.parametrize("ratio_db", [0, 10, 20, 40])
def test_speech_stands_above_the_noise_of_its_pauses(ratio_db: float) -> None:
    samples = noise(seconds=3.0, level=0.1 * 10 ** (-ratio_db / 20))
    samples[16_000:32_000] += np.random.default_rng(1).normal(0, 0.1, 16_000).astype(np.float32)
    assert snr_db(samples, [Span(16_000, 32_000)]) == pytest.approx(ratio_db, abs=0.5)


def test_the_end_of_a_word_in_a_pause_does_not_count() -> None:
    samples = noise(seconds=3.0, level=0.001)
    samples[16_000:34_000] += noise(seconds=18_000 / 16_000, level=0.1)
    assert snr_db(samples, [Span(16_000, 32_000)]) == pytest.approx(40, abs=1)


def test_without_pauses_the_loud_frames_are_held_to_the_quiet_ones() -> None:
    swelling = np.concatenate([noise(level=0.001), noise(level=0.1)])
    assert snr_db(swelling, [Span(0, 64_000)]) == snr_db(swelling, []) == pytest.approx(40, abs=1)


def test_digital_silence_between_words_is_capped() -> None:
    samples = np.zeros(48_000, np.float32)
    samples[16_000:32_000] = make_tone()
    assert snr_db(samples, [Span(16_000, 32_000)]) == 60.0


def test_a_fifth_of_a_second_is_too_short_for_a_ratio() -> None:
    assert snr_db(make_tone()[:3000], []) is None


def test_the_rate_counts_words_in_the_time_of_speech() -> None:
    assert speaking_rate_wpm("one two three four five", 2.0) == 150.0


@pytest.mark.parametrize(
    ("transcript", "speech_s"),
    [(None, 5.0), ("", 5.0), ("two words", 5.0), ("one two three", 0.9), ("今日は いい 天気", 2.0)],
)
def test_what_has_no_words_to_count_has_no_rate(transcript: str | None, speech_s: float) -> None:
    assert speaking_rate_wpm(transcript, speech_s) is None


def test_real_speech_is_measured_with_units_and_tools() -> None:
    samples, transcript = spoken()
    detector = VoiceDetector()
    found, spans = measure(samples, detector.spans(samples), Domain.SPEECH, detector), detector.spans(samples)
    assert found.duration_s == len(samples) / 16_000
    assert 100 < (speaking_rate_wpm(transcript, seconds_of(spans)) or 0) < 250
    assert 0.7 < found.speech_ratio <= 1
    assert found.snr_db is not None
    assert found.snr_db > 20
    assert found.tools.keys() == {"speaking_rate_wpm", "pitch_hz", "loudness_lufs", "snr_db", "speech_ratio"}
    assert found.tools["speech_ratio"].startswith("silero-vad 6.")


def test_a_tone_has_a_pitch_and_nothing_of_speech() -> None:
    detector, tone = VoiceDetector(), make_tone(duration_s=2.0)
    found = measure(tone, detector.spans(tone), Domain.MUSIC, detector)
    assert (found.pitch_hz, found.speech_ratio, found.speaking_rate_wpm) == (440.0, 0.0, None)
