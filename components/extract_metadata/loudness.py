"""How loud a clip is to a listener: integrated loudness after ITU-R BS.1770-4."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.audio import Samples
from components.core.contracts.records import SAMPLE_RATE_HZ

Array = NDArray[np.float64]

_BLOCK, _HOP = 2 * SAMPLE_RATE_HZ // 5, SAMPLE_RATE_HZ // 10
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0


def loudness_lufs(samples: Samples) -> float | None:
    """Return the integrated loudness after ITU-R BS.1770-4; `None` below one block of 0.4 s, or below the gate.

    Not torchaudio's: without its C++ extension, which a CPU host does not have, that takes three seconds for each
    second of audio. A test holds the two together.
    """
    if len(samples) < _BLOCK:
        return None
    weighted = _k_weighted(samples)
    energy = (np.lib.stride_tricks.sliding_window_view(weighted**2, _BLOCK)[::_HOP]).mean(axis=1)
    audible = energy[_lufs(energy) > _ABSOLUTE_GATE_LUFS]
    if not len(audible):
        return None
    gated = audible[_lufs(audible) > _lufs(audible.mean()) + _RELATIVE_GATE_LU]
    return round(float(_lufs(gated.mean())), 1)


def _lufs(energy: Array | np.floating[Any]) -> Array:
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
