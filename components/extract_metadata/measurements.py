"""What can be measured on a clip's samples: pitch, loudness, signal-to-noise ratio, speaking rate.

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
from components.extract_metadata.voice_detector import Span, VoiceDetector, gaps

Array = NDArray[np.float64]

PITCH_RANGE_HZ = {Domain.SPEECH: (60.0, 500.0), Domain.SOUND: (60.0, 2000.0), Domain.MUSIC: (60.0, 2000.0)}
_PITCH_FRAME, _PITCH_HOP, _PITCH_FFT = 800, 320, 2048
_VOICED = 0.45
_AUDIBLE = 0.03
_OCTAVE_COST = 0.01
_MIN_VOICED_FRAMES = 5
_MIN_TONAL_SHARE = 0.5

_LOUDNESS_BLOCK, _LOUDNESS_HOP = 2 * SAMPLE_RATE_HZ // 5, SAMPLE_RATE_HZ // 10
_SNR_FRAME = SAMPLE_RATE_HZ // 50
_MIN_NOISE_FRAMES = 10
_HIGHEST_SNR_DB = 60.0

_MIN_WORDS, _MIN_SPEECH_S = 3, 1.0
# Thai to Khmer, kana, and Han are written without spaces: their words cannot be counted here.
_NO_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


def measure(
    samples: Samples, spans: Sequence[Span], domain: Domain, transcript: str | None, detector: VoiceDetector
) -> Measurements:
    """Measure a clip of 16 kHz mono samples in which `spans` are speech."""
    speech_s = sum(span.end - span.start for span in spans) / SAMPLE_RATE_HZ
    duration_s = len(samples) / SAMPLE_RATE_HZ
    return Measurements(
        duration_s=duration_s,
        speaking_rate_wpm=speaking_rate_wpm(transcript, speech_s),
        pitch_hz=pitch_hz(samples, spans, domain),
        loudness_lufs=loudness_lufs(samples),
        snr_db=snr_db(samples, spans if domain is Domain.SPEECH else ()),
        speech_ratio=round(min(1.0, speech_s / duration_s), 3),
        tools={
            "speaking_rate_wpm": f"words by time of speech ({detector.tool})",
            "pitch_hz": "autocorrelation, median of voiced frames",
            "loudness_lufs": "ITU-R BS.1770-4",
            "snr_db": f"speech to pauses ({detector.tool}), else percentiles 95 to 5",
            "speech_ratio": detector.tool,
        },
    )


def speaking_rate_wpm(transcript: str | None, speech_s: float) -> float | None:
    """Return words a minute of the time in which somebody speaks; pauses do not count.

    `None` without a transcript, below three words or one second (too short to have a rate), and for scripts without
    spaces between words.
    """
    words = len(transcript.split()) if transcript and not _NO_SPACES.search(transcript) else 0
    return round(60 * words / speech_s, 1) if words >= _MIN_WORDS and speech_s >= _MIN_SPEECH_S else None


def pitch_hz(samples: Samples, spans: Sequence[Span], domain: Domain) -> float | None:
    """Return the median fundamental frequency of the voiced frames (of speech: inside `spans`).

    A frame is voiced when its normalised autocorrelation has a peak above 0.45 within the range of the domain, after
    Boersma (1993), whose window correction, octave cost and thresholds these are. Autocorrelation finds a fundamental
    that a telephone band cut away, and torchaudio's detector gives unvoiced frames a pitch as well. Sounds and music
    have a pitch only when half of their audible frames are voiced.
    """
    if len(samples) < _PITCH_FRAME:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(samples, _PITCH_FRAME)[::_PITCH_HOP].astype(np.float64)
    if domain is Domain.SPEECH:
        middles = np.arange(len(frames)) * _PITCH_HOP + _PITCH_FRAME // 2
        frames = frames[[any(span.start <= middle < span.end for span in spans) for middle in middles]]
    frames = frames - frames.mean(axis=1, keepdims=True)
    peaks = np.abs(frames).max(axis=1, initial=0.0)
    audible = frames[peaks > max(_AUDIBLE * peaks.max(initial=0.0), 1e-4)]
    pitches = _pitches(audible, *PITCH_RANGE_HZ[domain])
    tonal = domain is Domain.SPEECH or len(pitches) >= _MIN_TONAL_SHARE * len(audible)
    return round(float(np.median(pitches)), 1) if tonal and len(pitches) >= _MIN_VOICED_FRAMES else None


def _pitches(frames: Array, lowest_hz: float, highest_hz: float) -> Array:
    """Return the pitch of each voiced frame in Hz."""
    shortest, longest = int(SAMPLE_RATE_HZ / highest_hz), math.ceil(SAMPLE_RATE_HZ / lowest_hz)
    window = np.hanning(_PITCH_FRAME)
    correlation = _autocorrelation(frames * window) / _autocorrelation(window[None])
    inner = correlation[:, shortest : longest + 1]
    left, right = correlation[:, shortest - 1 : longest], correlation[:, shortest + 1 : longest + 2]
    lags = np.arange(shortest, longest + 1)
    # Only peaks count, and of two that are alike the shorter period: else every tone could be its own octave below.
    scores = np.where((inner > left) & (inner >= right), inner - _OCTAVE_COST * np.log2(lags / shortest), -np.inf)
    rows, best = np.arange(len(frames)), scores.argmax(axis=1) if len(frames) else np.zeros(0, int)
    voiced = (inner[rows, best] > _VOICED) & np.isfinite(scores[rows, best])
    rows, best = rows[voiced], best[voiced]
    low, top, high = left[rows, best], inner[rows, best], right[rows, best]
    return np.asarray(SAMPLE_RATE_HZ / (lags[best] + 0.5 * (low - high) / (low - 2 * top + high)), np.float64)


def _autocorrelation(frames: Array) -> Array:
    spectrum = np.fft.rfft(frames, _PITCH_FFT, axis=1)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :_PITCH_FRAME]
    return np.asarray(correlation / np.maximum(correlation[:, :1], 1e-20), np.float64)


def loudness_lufs(samples: Samples) -> float | None:
    """Return the integrated loudness after ITU-R BS.1770-4; `None` below one block of 0.4 s, or below the gate.

    Not torchaudio's: without its C++ extension, which a CPU host does not have, that takes three seconds for each
    second of audio. A test holds the two together.
    """
    if len(samples) < _LOUDNESS_BLOCK:
        return None
    weighted = _k_weighted(samples)
    energy = (np.lib.stride_tricks.sliding_window_view(weighted**2, _LOUDNESS_BLOCK)[::_LOUDNESS_HOP]).mean(axis=1)
    audible = energy[_lufs(energy) > -70]
    if not len(audible):
        return None
    gated = audible[_lufs(audible) > _lufs(audible.mean()) - 10]
    return round(float(_lufs(gated.mean())), 1)


def _lufs(energy: Array | np.floating) -> Array:
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(energy, 1e-20)), np.float64)


def _k_weighted(samples: Samples) -> Array:
    """Filter with the K-weighting of BS.1770: a shelf of 4 dB above 1.5 kHz and a high-pass at 38 Hz.

    Applied to the spectrum; half a second of silence at the end takes up the filter's tail.
    """
    size = 1 << (len(samples) + SAMPLE_RATE_HZ // 2).bit_length()
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response = _shelf(z, hertz=1500.0, gain_db=4.0, q=math.sqrt(0.5)) * _high_pass(z, hertz=38.0, q=0.5)
    return np.asarray(np.fft.irfft(np.fft.rfft(samples, size) * response)[: len(samples)], np.float64)


def _shelf(z: NDArray[np.complex128], *, hertz: float, gain_db: float, q: float) -> NDArray[np.complex128]:
    """Return the response of a high shelf at points z (inverse) of the unit circle; Bristow-Johnson's formulas."""
    a, omega = 10 ** (gain_db / 40), 2 * math.pi * hertz / SAMPLE_RATE_HZ
    c, s = math.cos(omega), 2 * math.sqrt(a) * math.sin(omega) / (2 * q)
    above = a * ((a + 1) + (a - 1) * c + s), -2 * a * ((a - 1) + (a + 1) * c), a * ((a + 1) + (a - 1) * c - s)
    below = (a + 1) - (a - 1) * c + s, 2 * ((a - 1) - (a + 1) * c), (a + 1) - (a - 1) * c - s
    return np.asarray(np.polyval(above[::-1], z) / np.polyval(below[::-1], z))


def _high_pass(z: NDArray[np.complex128], *, hertz: float, q: float) -> NDArray[np.complex128]:
    omega = 2 * math.pi * hertz / SAMPLE_RATE_HZ
    c, alpha = math.cos(omega), math.sin(omega) / (2 * q)
    above = (1 + c) / 2, -(1 + c), (1 + c) / 2
    below = 1 + alpha, -2 * c, 1 - alpha
    return np.asarray(np.polyval(above[::-1], z) / np.polyval(below[::-1], z))


def snr_db(samples: Samples, spans: Sequence[Span]) -> float | None:
    """Return the signal-to-noise ratio in dB, from 0 to 60; `None` below 0.2 s.

    Where `spans` of speech leave pauses of 0.2 s: the mean energy of speech, less that of the pauses, over that of
    the pauses. Elsewhere the ratio of the 95th to the 5th percentile of the energy of frames of 20 ms, which for a
    steady sound says how much it swells rather than how clean it is. Capped, since digital silence between words is
    a trait of the editing, not of the recording.
    """
    pauses = gaps(list(spans), len(samples)) if spans else []
    noise, speech = _energies(samples, pauses), _energies(samples, spans)
    if len(noise) >= _MIN_NOISE_FRAMES and len(speech):
        floor, signal = noise.mean(), speech.mean() - noise.mean()
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
