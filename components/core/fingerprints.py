"""Fingerprints that stay nearly the same when a recording is encoded again, made louder, resampled or padded.

After the robust audio hash of Haitsma and Kalker (ISMIR 2002): for each moment and each pair of neighbouring bands, one
bit says whether their difference in energy grows. Here the moments are shares of the sounding part and not of a second,
so that clips of any length have prints of one size.
"""

import numpy as np
from numpy.typing import NDArray

from components.core.audio import FULL_SCALE, Pcm
from components.core.contracts.records import SAMPLE_RATE_HZ

BITS = 512

_WINDOW, _HOP = 1024, 128
_BANDS, _MOMENTS = 17, 33
# What a telephone passes: recordings that went through one keep their print.
_LOWEST_HZ, _HIGHEST_HZ = 300.0, 3400.0
_SOUNDING_DB = 40.0  # below the loudest window: padding and not sound
_FLOOR = 1e-6  # of the loudest band: what a lossy format leaves out below is not compared
_LEAST_CHANGE_DB = 0.5

Array = NDArray[np.float64]


def fingerprint(pcm: Pcm) -> str | None:
    """Return 512 bits in hexadecimal for 16 kHz mono samples; `None` for what is too short or too even to have one."""
    energies = _energies(pcm)
    sounding = energies.sum(axis=1)
    loud = np.flatnonzero(sounding > sounding.max(initial=0.0) * 10 ** (-_SOUNDING_DB / 10))
    if len(loud) < _MOMENTS:
        return None
    moments = _moments(energies[loud[0] : loud[-1] + 1])
    levels_db = 10 * np.log10(moments + moments.max() * _FLOOR)
    changes = np.diff(np.diff(levels_db, axis=1), axis=0)
    if np.median(np.abs(changes)) < _LEAST_CHANGE_DB:
        return None
    return np.packbits(changes > 0).tobytes().hex()


def _energies(pcm: Pcm) -> Array:
    """Return the energy of each band in each window [windows, bands]."""
    padded = np.pad(pcm.astype(np.float32) / FULL_SCALE, _WINDOW // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW).astype(np.float32))) ** 2
    edges = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _BANDS + 1) * _WINDOW / SAMPLE_RATE_HZ
    return np.asarray(np.add.reduceat(power, edges.round().astype(int), axis=1)[:, :_BANDS], np.float64)


def _moments(energies: Array) -> Array:
    """Return the mean energies of equal shares of time [33, bands]; windows at a border count for both."""
    sums = np.vstack([np.zeros(energies.shape[1]), energies.cumsum(axis=0)])
    borders = np.linspace(0, len(energies), _MOMENTS + 1)
    at = np.stack([np.interp(borders, np.arange(len(sums)), band) for band in sums.T], axis=1)
    return np.asarray(np.diff(at, axis=0) * _MOMENTS / len(energies))
