"""How high a clip is: the fundamental frequency of its voiced frames, by autocorrelation."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.audio import Samples
from components.core.contracts.records import SAMPLE_RATE_HZ, Domain
from components.core.voice_detector import Span

Array = NDArray[np.float64]

RANGE_HZ = {Domain.SPEECH: (60.0, 500.0), Domain.SOUND: (60.0, 4000.0), Domain.MUSIC: (60.0, 4000.0)}
_FRAME, _HOP, _FFT = 800, 320, 2048  # 50 ms hold three periods of 60 Hz; every 20 ms; no wrap-around
_BLOCK = 256  # frames in memory at a time
_VOICED = 0.45
_AUDIBLE = 0.03  # of the loudest frame's peak
_OCTAVE_COST = 0.01
_HARMONICS = 4
_MIN_VOICED_FRAMES = 5
_MIN_TONAL_SHARE = 0.5


def pitch_hz(samples: Samples, spans: Sequence[Span], domain: Domain) -> float | None:
    """Return the median fundamental frequency of the voiced frames (of speech: inside `spans`).

    A frame is voiced when its normalised autocorrelation has a peak above 0.45 within the range of the domain, after
    Boersma (1993), whose window correction, octave cost and thresholds these are. Autocorrelation finds a fundamental
    that a telephone band cut away, and torchaudio's detector gives unvoiced frames a pitch as well. Sounds and music
    have a pitch only when half of their audible frames are voiced.
    """
    if len(samples) < _FRAME:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP].astype(np.float64)
    if domain is Domain.SPEECH:
        middles = np.arange(len(frames)) * _HOP + _FRAME // 2
        frames = frames[[any(span.start <= middle < span.end for span in spans) for middle in middles]]
    frames = frames - frames.mean(axis=1, keepdims=True)
    peaks = np.abs(frames).max(axis=1, initial=0.0)
    audible = frames[peaks > max(_AUDIBLE * peaks.max(initial=0.0), 1e-4)]
    pitches = _pitches(audible, *RANGE_HZ[domain])
    tonal = domain is Domain.SPEECH or len(pitches) >= _MIN_TONAL_SHARE * len(audible)
    return round(float(np.median(pitches)), 1) if tonal and len(pitches) >= _MIN_VOICED_FRAMES else None


def _pitches(frames: Array, lowest_hz: float, highest_hz: float) -> Array:
    """Return the pitch of each voiced frame in Hz."""
    blocks = [frames[start : start + _BLOCK] for start in range(0, len(frames), _BLOCK)]
    return np.concatenate([np.zeros(0), *(_pitches_of_block(block, lowest_hz, highest_hz) for block in blocks)])


def _pitches_of_block(frames: Array, lowest_hz: float, highest_hz: float) -> Array:
    rate_hz = SAMPLE_RATE_HZ * (1 if highest_hz <= 1000 else 4)  # a short period falls between two samples
    shortest, longest = int(rate_hz / highest_hz), math.ceil(rate_hz / lowest_hz)
    window = np.hanning(_FRAME)
    # What lies far above the range sharpens the peaks until they fall between two lags, and says nothing of pitch.
    cutoff_hz = _HARMONICS * highest_hz
    correlation = _autocorrelation(frames * window, rate_hz, cutoff_hz)
    correlation /= _autocorrelation(window[None, :], rate_hz, cutoff_hz)
    left, inner, right = (correlation[:, shortest + step : longest + 1 + step] for step in (-1, 0, 1))
    # Only peaks count, each with the height and place of the parabola through its three points. Of two that are alike
    # the shorter one wins; else every tone could be its own octave below.
    curve = np.minimum(left - 2 * inner + right, -1e-12)
    heights = np.where((inner > left) & (inner >= right), inner - (left - right) ** 2 / (8 * curve), -np.inf)
    lags = np.arange(shortest, longest + 1) + (left - right) / (2 * curve)
    octaves = np.log2(np.arange(shortest, longest + 1) / shortest)
    best = (heights - _OCTAVE_COST * octaves).argmax(axis=1)[:, None]
    voiced = np.take_along_axis(heights, best, axis=1) > _VOICED
    return np.asarray(rate_hz / np.take_along_axis(lags, best, axis=1)[voiced], np.float64)


def _autocorrelation(frames: NDArray[np.floating[Any]], rate_hz: int, cutoff_hz: float) -> Array:
    """Return the normalised autocorrelation of what frames hold below a frequency, at a multiple of their own rate."""
    spectrum = np.abs(np.fft.rfft(frames, _FFT, axis=1)) ** 2
    spectrum[:, int(cutoff_hz * _FFT / SAMPLE_RATE_HZ) + 1 :] = 0
    finer = rate_hz // SAMPLE_RATE_HZ
    correlation = np.fft.irfft(spectrum, _FFT * finer, axis=1)[:, : _FRAME * finer]
    return np.asarray(correlation / np.maximum(correlation[:, :1], 1e-20), np.float64)
