"""What is measured on a clip and with what: pitch, loudness, signal-to-noise ratio, rate and share of speech.

Every figure is rounded to what it means (0.1 of its unit), so that the last bits of a processor's arithmetic do not
change what is published. A quantity that does not exist for a clip is `None`.
"""

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.core.audio import Samples
from components.core.contracts.records import SAMPLE_RATE_HZ, Domain, Measurements
from components.core.voice_detector import Span, VoiceDetector, gaps, seconds_of
from components.extract_metadata.loudness import loudness_lufs
from components.extract_metadata.pitch import pitch_hz

Array = NDArray[np.float64]

_SNR_FRAME = SAMPLE_RATE_HZ // 50
_MIN_NOISE_FRAMES = 10
_HIGHEST_SNR_DB = 60.0

_MIN_WORDS, _MIN_SPEECH_S = 3, 1.0
# Thai to Khmer, kana, and Han are written without spaces: their words cannot be counted here.
_NO_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


def measure(samples: Samples, spans: Sequence[Span], domain: Domain, detector: VoiceDetector) -> Measurements:
    """Measure a clip of 16 kHz mono samples in which `spans` are speech; its speaking rate needs its words."""
    speech_s = seconds_of(spans)
    duration_s = len(samples) / SAMPLE_RATE_HZ
    return Measurements(
        duration_s=duration_s,
        speaking_rate_wpm=None,
        pitch_hz=pitch_hz(samples, spans, domain),
        loudness_lufs=loudness_lufs(samples),
        snr_db=snr_db(samples, spans if domain is Domain.SPEECH else ()),
        speech_ratio=round(min(1.0, speech_s / duration_s), 3),
        tools=tools_of(detector),
    )


def tools_of(detector: VoiceDetector) -> dict[str, str]:
    """Return what measures each quantity, with its version; the number of our own methods counts their changes."""
    return {
        "speaking_rate_wpm": f"desta rate 1: words by time of speech ({detector.tool})",
        "pitch_hz": "desta pitch 1: autocorrelation after Boersma (1993), median of voiced frames",
        "loudness_lufs": "desta loudness 1: ITU-R BS.1770-4",
        "snr_db": f"desta snr 1: speech to pauses ({detector.tool}), else percentiles 95 to 5",
        "speech_ratio": detector.tool,
    }


def speaking_rate_wpm(transcript: str | None, speech_s: float) -> float | None:
    """Return words a minute of the time in which somebody speaks; pauses do not count.

    `None` without a transcript, below three words or one second (too short to have a rate), and for scripts without
    spaces between words.
    """
    words = len(transcript.split()) if transcript and not _NO_SPACES.search(transcript) else 0
    return round(60 * words / speech_s, 1) if words >= _MIN_WORDS and speech_s >= _MIN_SPEECH_S else None


def snr_db(samples: Samples, spans: Sequence[Span]) -> float | None:
    """Return the signal-to-noise ratio in dB, from 0 to 60; `None` below 0.2 s.

    Where `spans` of speech leave pauses of 0.2 s: the mean energy of speech, less the noise in it, over the noise,
    which is the median of the pauses (a word's last breath falls into them and must not count). Elsewhere the ratio of
    the 95th to the 5th percentile of the energy of frames of 20 ms, which for a steady sound says how much it swells
    rather than how clean it is. Capped, since digital silence between words is a trait of the editing, not of the
    recording.
    """
    pauses = gaps(list(spans), len(samples)) if spans else []
    noise, speech = _energies(samples, pauses), _energies(samples, spans)
    if len(noise) >= _MIN_NOISE_FRAMES and len(speech):
        floor, signal = np.median(noise), speech.mean() - np.median(noise)
    else:
        energies = _energies(samples, [Span(0, len(samples))])
        if len(energies) < _MIN_NOISE_FRAMES:
            return None
        floor, signal = np.percentile(energies, 5), np.percentile(energies, 95)
    ratio_db = 10 * math.log10(max(float(signal), 1e-20) / max(float(floor), 1e-20))
    return round(min(_HIGHEST_SNR_DB, max(0.0, ratio_db)), 1)


def _energies(samples: Samples, spans: Sequence[Span]) -> Array:
    """Return the energy of each whole frame of 20 ms inside the spans."""
    frames = [
        samples[span.start : span.start + (span.end - span.start) // _SNR_FRAME * _SNR_FRAME].reshape(-1, _SNR_FRAME)
        for span in spans
    ]
    return np.asarray((np.concatenate(frames).astype(np.float64) ** 2).mean(axis=1) if frames else np.zeros(0))
