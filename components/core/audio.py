"""Audio in and out: any file becomes mono samples, and every clip is kept as 16-bit FLAC at 16 kHz."""

import io
import math
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from components.core.contracts.errors import ContractError, SourceError
from components.core.contracts.records import SAMPLE_RATE_HZ, Audio
from components.core.digests import digest_of_bytes

Samples = NDArray[np.float32]
Pcm = NDArray[np.int16]

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 4_000, 384_000
FULL_SCALE = 32_768
LOUDEST = 8.0
"""Lossy formats overshoot full scale (1.0) a little; a value far beyond it is an integer that was stored as a float."""

_BLOCK_FRAMES = 1 << 18
_ROUNDED_S = 0.1  # manifests round the ends of stretches
# libsndfile's log on a file that ends before its header says; programs that write to a pipe announce about 2 or 4 GB.
_ENDS_EARLY = re.compile(r"^\s*(?:data|SSND|Data Size)\s*: (\d+) \(should be \d+\)", re.MULTILINE)
_PIPED_BYTES = 0x7FFF_0000


class AudioError(SourceError):
    """A file that cannot be heard; the message says why, without the file's name."""


def decode(
    source: Path | bytes, *, start_s: float = 0.0, duration_s: float | None = None, at_most_s: float = math.inf
) -> tuple[Samples, int]:
    """Decode a stretch of a file to mono, in the mean of its channels; return samples (float32) and their rate in Hz.

    The stretch begins at `start_s` and has `duration_s` seconds (`None`: up to the end of the file, of which
    reading stops soon after `at_most_s` seconds, so that a very long file costs no more memory than a long one).

    Raises:
        AudioError: not a file, not audio, damaged or cut off, an odd rate, no numbers, or no such stretch.
    """
    with opened(source) as file:
        go_to(file, start_s)
        if duration_s is None:
            return _mono(file, at_most_s), file.samplerate
        return _stretch(file, duration_s), file.samplerate


def of_array(samples: NDArray[Any], rate_hz: int) -> Samples:
    """Return samples that are in memory as mono float32; of two dimensions, the shorter one is that of the channels.

    Raises:
        AudioError: an odd rate, or no samples as they are of floats or of integers of 8, 16 or 32 bits.
    """
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
        raise AudioError(_odd_rate(rate_hz))
    if samples.dtype.kind == "f":
        scaled = samples.astype(np.float32)
    elif samples.dtype in _INTEGERS:
        offset, scale = _INTEGERS[samples.dtype]
        scaled = ((samples.astype(np.float64) - offset) / scale).astype(np.float32)
    else:
        raise AudioError(f"has samples of type {samples.dtype}, want floats, int16, int32 or uint8")
    mono = scaled.mean(axis=int(np.argmin(scaled.shape))) if scaled.ndim > 1 and scaled.size else scaled.reshape(-1)
    return _plausible(mono)


_INTEGERS = {
    np.dtype(np.uint8): (128, 1 << 7),
    np.dtype(np.int16): (0, 1 << 15),
    np.dtype(np.int32): (0, 1 << 31),
}
"""Zero and full scale of samples that are integers."""


def _odd_rate(rate_hz: int) -> str:
    return f"sample rate {rate_hz} Hz, want {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ}"


def go_to(file: sf.SoundFile, start_s: float) -> None:
    """Go to a place in an opened file; AudioError where the file ends before."""
    start = round(start_s * file.samplerate)
    if start and start >= file.frames:
        raise AudioError(f"is to start at {start_s:g} s, the file has {file.frames / file.samplerate:.2f}")
    if start:
        file.seek(start)


def _stretch(file: sf.SoundFile, duration_s: float) -> Samples:
    wanted = round(duration_s * file.samplerate)
    samples: Samples = file.read(wanted, dtype="float32", always_2d=True).mean(axis=1)
    if (missing_s := (wanted - len(samples)) / file.samplerate) > _ROUNDED_S:
        raise AudioError(f"ends {missing_s:.2f} s before the stretch that is asked for")
    return _plausible(samples)


@contextmanager
def opened(source: Path | bytes) -> Iterator[sf.SoundFile]:
    """Open encoded audio for reading; whatever is wrong with it, also while it is read, is an AudioError."""
    try:
        # A descriptor and not a name: soundfile reads meaning into some suffixes, and no name can do harm here.
        with sf.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else _descriptor(source)) as file:
            _check_header(file)
            yield file
    except sf.LibsndfileError as error:
        raise AudioError(f"cannot be decoded: {error.error_string.rstrip('.')}") from error
    except OSError as error:
        raise AudioError(f"cannot be read: {error.strerror}") from error


def _check_header(file: sf.SoundFile) -> None:
    if not LOWEST_RATE_HZ <= file.samplerate <= HIGHEST_RATE_HZ:
        raise AudioError(_odd_rate(file.samplerate))
    cut_off = _ENDS_EARLY.search(file.extra_info)
    if cut_off and int(cut_off[1]) < _PIPED_BYTES:
        raise AudioError(f"cut off: its header announces {cut_off[1]} bytes of audio, it ends before")


def _descriptor(path: Path) -> int:
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except ValueError as error:
        raise AudioError("no file can have this name") from error
    if not regular:  # opening a pipe would wait for ever
        raise AudioError("not a regular file")
    return os.open(path, os.O_RDONLY)


def _mono(file: sf.SoundFile, at_most_s: float) -> Samples:
    blocks: list[Samples] = []
    begun, done = file.tell(), 0
    while done <= at_most_s * file.samplerate:
        block = file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)
        if not len(block):
            break
        blocks.append(block.mean(axis=1))
        done += len(block)
    else:
        return _plausible(np.concatenate(blocks))
    if begun + done < file.frames:
        raise AudioError(f"cut off: {begun + done} samples of the {file.frames} that its header announces")
    return _plausible(np.concatenate(blocks) if blocks else np.zeros(0, np.float32))


def _plausible(samples: Samples) -> Samples:
    peak = float(np.abs(samples).max(initial=0.0))
    if not math.isfinite(peak):
        raise AudioError("holds samples that are not numbers")
    if peak > LOUDEST:
        raise AudioError(f"samples reach {peak:g}, full scale is 1: scale them")
    return samples


def resample(samples: NDArray[np.floating[Any]], rate_hz: int) -> NDArray[np.float64]:
    """Bring samples to 16 kHz with a band-limited filter (torchaudio, windowed sinc).

    Computed in float64, so that the 16-bit result does not depend on the number of threads or the kind of processor.
    """
    ratio = Fraction(rate_hz, SAMPLE_RATE_HZ).limit_denominator(_FINEST)
    if ratio == 1:
        return samples.astype(np.float64)
    # Here and not above: their import takes seconds, which a corpus at 16 kHz and a reused result do not need.
    import torch
    from torchaudio.functional import resample as convert

    given = torch.from_numpy(samples.astype(np.float64))
    converted = convert(given, ratio.numerator, ratio.denominator, lowpass_filter_width=_FILTER_WIDTH)
    return np.asarray(converted.numpy(), np.float64)


# Rates that share no factor with 16 kHz would need a filter bank of gigabytes; this bound is exact for all common
# rates, holds the bank below 100 MB, and is one part in a million off for the others.
_FINEST = 1_000
# Zero crossings on each side. A tone at 8.5 kHz folds back 50 dB down, one at 9 kHz 69 dB; with torchaudio's default
# of 6 it is 11 and 17 dB. Twice as many gain 20 dB more and cost twice the time.
_FILTER_WIDTH = 32


def quantise(samples: NDArray[np.floating[Any]]) -> Pcm:
    """Round samples (full scale 1.0) to 16 bits; what lies beyond full scale is clipped to it."""
    return np.clip(np.rint(samples.astype(np.float64) * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def pcm_digest(pcm: Pcm) -> str:
    """Return the identity of a clip: the sha256 of its samples as little-endian 16-bit integers."""
    return digest_of_bytes(pcm.astype("<i2").tobytes())


def encode_flac(pcm: Pcm) -> bytes:
    """Encode 16 kHz mono samples as FLAC: lossless, and equal samples give equal bytes."""
    buffer = io.BytesIO()
    sf.write(buffer, pcm, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def samples_of(audio: Audio) -> Samples:
    """Return the samples of a clip: 16 kHz, mono, float32, full scale 1.0.

    Raises:
        ContractError: the clip holds something else than its contract says.
    """
    try:
        samples, rate_hz = decode(audio.bytes)
    except AudioError as error:
        raise ContractError(f"{audio.path}: {error}; make the clips again") from error
    if rate_hz != SAMPLE_RATE_HZ:
        raise ContractError(f"{audio.path}: {rate_hz} Hz, want {SAMPLE_RATE_HZ}; make the clips again")
    return samples
