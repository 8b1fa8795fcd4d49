"""A corpus of everything that goes wrong, and one way to run the stage on it."""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from components.core.audio import quantise
from components.core.contracts.artifacts import Artifact
from components.core.corpora.reading import read_corpora
from components.core.digests import digest_of_file
from components.core.execution import Job, execute
from components.core.home import Home
from components.core.stages import stage_named
from components.ingest_audio.earlier import shards_of_earlier
from components.ingest_audio.settings import IngestAudioSettings
from components.ingest_audio.stage import ingest
from tests.builders import flac, make_tone, write_corpus


def ingested(folders: Sequence[Path], root: Path, *, workers: int | None = None, **settings: Any) -> Artifact:
    """Run the stage on corpora, in a home below `root`, and return the clips."""
    corpora, chosen = read_corpora(folders), IngestAudioSettings(**settings)
    sources = {corpus.policy.name: corpus.digest() for corpus in corpora}
    job = Job(stage=stage_named("ingest_audio"), settings=chosen, sources=sources)
    home = Home(root / "home")
    work = lambda place: ingest(  # noqa: E731
        corpora, chosen, place, digest=digest_of_file, earlier=shards_of_earlier(job, home), workers=workers
    )
    return execute(job, root / "clips", home, work)


def as_file(pcm: NDArray[Any], form: str, subtype: str, rate_hz: int = 16_000) -> bytes:
    """Encode samples in any format."""
    buffer = io.BytesIO()
    sf.write(buffer, pcm, rate_hz, format=form, subtype=subtype)
    return buffer.getvalue()


def bad_corpus(folder: Path) -> Path:
    """Write a corpus with two good files, under names that are not, and one file for each way to be refused."""
    tone = quantise(make_tone())
    files: dict[str, NDArray[np.float32] | bytes] = {
        "-good name.flac": as_file(tone, "FLAC", "PCM_16"),
        "good\nöther.wav": as_file(make_tone(hertz=300), "WAV", "PCM_U8"),
        "late-duplicate.wav": as_file(tone, "WAV", "PCM_16"),
        "nan.wav": as_file(np.full(16_000, np.nan, np.float32), "WAV", "FLOAT"),
        "offset.flac": np.full(16_000, 0.5, np.float32),
        "one-sample.wav": as_file(make_tone()[1:2], "WAV", "PCM_16"),
        "quiet.flac": make_tone(level=0.0005),
        "short.flac": make_tone(duration_s=0.2),
        "text.wav": b"this is a letter, not a recording",
        "truncated.flac": flac(make_tone(hertz=500))[:5000],
        "zero.mp3": b"",
    }
    write_corpus(folder, files)
    Path(os.fsdecode(os.fsencode(folder) + b"/bytes-\xff.flac")).write_bytes(flac(make_tone(hertz=700)))
    return folder


REFUSED = {
    "late-duplicate.wav": ("duplicate", "has the samples of 'test/-good name.flac'"),
    "nan.wav": ("unreadable", "holds samples that are not numbers"),
    "offset.flac": ("silent", "-inf dBFS, want -60"),
    "one-sample.wav": ("too_short", "0.000 s, want 0.3"),
    "quiet.flac": ("silent", "-69 dBFS, want -60"),
    "short.flac": ("too_short", "0.200 s, want 0.3"),
    "text.wav": ("unreadable", "cannot be decoded: Format not recognised"),
    "truncated.flac": ("unreadable", "cannot be decoded: Error : flac decoder lost sync"),
    "zero.mp3": ("unreadable", "cannot be decoded: Format not recognised"),
}
"""Reason and detail by path."""
