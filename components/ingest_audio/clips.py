"""One recording becomes one clip, or is refused by name."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from components.core.audio import FULL_SCALE, AudioError, Pcm, decode, encode_flac, pcm_digest, quantise, resample
from components.core.contracts.records import SAMPLE_RATE_HZ, Audio, Clip, ClipRefusal, RefusedClip, Source
from components.core.corpora.recordings import Recording
from components.core.digests import digest_of_bytes
from components.core.fingerprints import fingerprint
from components.ingest_audio.settings import IngestAudioSettings
from components.ingest_audio.splits import Placed

FileDigest = Callable[[Path], str]
"""Returns the sha256 of a file; OSError or ValueError where it cannot be read."""

_WINDOW = SAMPLE_RATE_HZ // 10


class _Refused(Exception):
    def __init__(self, reason: ClipRefusal, detail: str) -> None:
        self.reason, self.detail = reason, detail


def make_clip(placed: Placed, audio: Path | bytes, source: Source, settings: IngestAudioSettings) -> Clip | RefusedClip:
    """Decode a recording to 16 kHz mono and keep it as FLAC; nothing about a file's content raises."""
    if placed.conflict:
        return RefusedClip(source=source, reason=ClipRefusal.SPLIT_CONFLICT, detail=placed.conflict)
    try:
        pcm = _hear(placed.recording, audio, settings)
    except _Refused as refused:
        return RefusedClip(source=source, reason=refused.reason, detail=refused.detail)
    clip_id = pcm_digest(pcm)
    return Clip(
        clip_id=clip_id,
        source=source,
        duration_s=len(pcm) / SAMPLE_RATE_HZ,
        fingerprint=fingerprint(pcm),
        audio=Audio(bytes=encode_flac(pcm), path=f"{clip_id}.flac"),
        **said_of(placed),
    )


def said_of(placed: Placed) -> dict[str, Any]:
    """Return what a clip knows from its corpus and not from its samples."""
    recording = placed.recording
    return {
        "domain": recording.domain,
        "split": placed.split,
        "licence": recording.licence,
        "speaker_id": recording.speaker_id,
        "language": recording.language,
        "transcript": recording.transcript,
        "attributes": recording.attributes,
        "describable": recording.describable,
        "segments": recording.segments,
    }


def audio_of(recording: Recording) -> Path | bytes:
    """Return the file, or the bytes of the member that a larger file holds (none where it cannot be read)."""
    if recording.member is None:
        return recording.file
    try:
        return recording.member.read()
    except OSError:
        return b""


def source_of(recording: Recording, audio: Path | bytes, digest: FileDigest) -> Source:
    """Return where a recording's samples come from."""
    try:
        sha256 = digest_of_bytes(audio) if isinstance(audio, bytes) else digest(audio)
    except (OSError, ValueError):  # decoding will say what is wrong; of such a file no byte was read
        sha256 = digest_of_bytes(b"")
    return Source(
        corpus=recording.corpus,
        path=recording.path,
        sha256=sha256,
        source_id=recording.source_id,
        offset_s=recording.start_s,
        length_s=recording.duration_s,
    )


def _hear(recording: Recording, audio: Path | bytes, settings: IngestAudioSettings) -> Pcm:
    try:
        samples, rate_hz = decode(
            audio, start_s=recording.start_s, duration_s=recording.duration_s, at_most_s=settings.max_s
        )
    except AudioError as error:
        raise _Refused(ClipRefusal.UNREADABLE, str(error)) from error
    duration_s = len(samples) / rate_hz
    if len(samples) > settings.max_s * rate_hz + 1:  # what is longer was cut, unless its header hid how long it is
        raise _Refused(ClipRefusal.TOO_LONG, f"longer than {settings.max_s:g} s, and its header says less")
    if duration_s < settings.min_s:
        raise _Refused(ClipRefusal.TOO_SHORT, f"{duration_s:.3f} s, want {settings.min_s:g}")
    pcm = quantise(resample(samples, rate_hz))
    level = level_dbfs(pcm)
    if level < settings.silence_dbfs:
        raise _Refused(ClipRefusal.SILENT, f"{level:.0f} dBFS, want {settings.silence_dbfs:g}")
    return pcm


def level_dbfs(pcm: Pcm) -> float:
    """Return the level of the loudest tenth of a second: RMS about its mean in dB, 0 for a full-scale square wave.

    A window and not a peak, so that one click does not make a silent clip audible; about the mean, because a constant
    offset cannot be heard.
    """
    window = min(_WINDOW, len(pcm))
    windows = pcm[: len(pcm) // window * window].reshape(-1, window).astype(np.float64)
    loudest = float(windows.std(axis=1).max()) / FULL_SCALE
    return 20 * math.log10(loudest) if loudest else -math.inf
