"""Audio files of the sample corpora: taken over as they are, or cut and stored without loss."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import soundfile

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Record

COMPRESSED = frozenset({".flac", ".mp3", ".ogg"})
SHORTEST_S, LONGEST_S = 0.4, 12.0
QUIETEST_DBFS = -50.0
MOST_CLIPPED = 0.05


class Heard(Record):
    """What a stored clip holds: `digest` is the sha256 of its sample rate and samples, `clipped` a fraction."""

    duration_s: float
    level_dbfs: float
    clipped: float
    digest: str


def store(source: Path, target: Path, start_s: float | None, duration_s: float | None) -> None:
    """Copy a compressed original, or write the samples as FLAC in their own rate and depth; `target` has the suffix.

    Raises:
        SourceError: the file cannot be decoded, or an excerpt of a compressed original is asked for.
    """
    if target.suffix == source.suffix:
        if start_s is not None or duration_s is not None:
            raise SourceError(f"{source}: a compressed original is kept whole: leave start_s and duration_s empty")
        shutil.copyfile(source, target)
        return
    try:
        with soundfile.SoundFile(source) as file:
            depth = "PCM_24" if file.subtype in {"PCM_24", "PCM_32"} else "PCM_16"
            file.seek(round((start_s or 0.0) * file.samplerate))
            frames = -1 if duration_s is None else round(duration_s * file.samplerate)
            samples = file.read(frames, dtype="int32" if depth == "PCM_24" else "int16", always_2d=True)
            soundfile.write(target, samples, file.samplerate, subtype=depth, format="FLAC")
    except (OSError, soundfile.LibsndfileError) as error:
        raise SourceError(f"{source}: cannot be decoded: {error}: take another clip") from error


def listen(clip: Path) -> Heard:
    """Decode a stored clip and measure it."""
    samples, rate_hz = soundfile.read(clip, dtype="float64", always_2d=True)
    power = float(np.mean(samples.mean(axis=1) ** 2)) if len(samples) else 0.0
    return Heard(
        duration_s=len(samples) / rate_hz,
        level_dbfs=10 * float(np.log10(max(power, 1e-20))),
        clipped=float(np.mean(np.abs(samples) >= 0.999)) if len(samples) else 0.0,
        digest=hashlib.sha256(f"{rate_hz} {samples.shape} ".encode() + samples.tobytes()).hexdigest(),
    )


def fault_of(heard: Heard) -> str | None:
    """Say why a clip is not fit for a sample corpus; `None` when it is."""
    if not SHORTEST_S <= heard.duration_s <= LONGEST_S:
        return f"lasts {heard.duration_s:.2f} s, want {SHORTEST_S} to {LONGEST_S} s"
    if heard.level_dbfs < QUIETEST_DBFS:
        return f"is silent at {heard.level_dbfs:.0f} dBFS, want at least {QUIETEST_DBFS:.0f}"
    if heard.clipped > MOST_CLIPPED:
        return f"is clipped in {heard.clipped:.0%} of its samples, want at most {MOST_CLIPPED:.0%}"
    return None
