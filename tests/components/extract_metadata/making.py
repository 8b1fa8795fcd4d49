"""Real clips of the sample corpora, and artifacts of clips to describe."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.core.audio import Samples, decode
from components.core.contracts.artifacts import Artifact, Draft, Lineage, Tally, open_artifact
from components.core.contracts.records import SAMPLE_RATE_HZ, Clip, Domain
from components.core.digests import digest_of
from tests.builders import make_clip

CORPORA = Path(__file__).parents[3] / "data" / "corpora"
_LINEAGE = Lineage(stage="test", key="0" * 64, code="0" * 64, settings={}, inputs={}, models={}, sources={})


def spoken(corpus: str = "asterisk-en", number: int = 0) -> tuple[Samples, str]:
    """The samples and the transcript of a clip of a sample corpus."""
    assert CORPORA.is_dir(), "data/ is missing: run `dvc pull` in the repository root"
    with (CORPORA / corpus / "metadata.csv").open(encoding="utf-8", newline="") as table:
        row = list(csv.DictReader(table))[number]
    samples, rate_hz = decode(CORPORA / corpus / row["path"])
    # A straight line between samples: good enough for ears that look for words, and it needs no torch.
    times = np.arange(int(len(samples) * SAMPLE_RATE_HZ / rate_hz)) * rate_hz / SAMPLE_RATE_HZ
    return np.interp(times, np.arange(len(samples)), samples).astype(np.float32), row["transcript"]


def noise(seconds: float = 2.0, level: float = 0.1) -> Samples:
    """White noise, the same at every call."""
    samples = np.random.default_rng(0).normal(0, level, int(seconds * SAMPLE_RATE_HZ))
    return np.clip(samples, -1, 1).astype(np.float32)


def speech_clip(samples: Samples, **changes: Any) -> Clip:
    """A clip of speech; what changes gives it another id."""
    values: dict[str, Any] = {"domain": Domain.SPEECH, "clip_id": digest_of([samples[:50].tolist(), str(changes)])}
    return make_clip(pcm=samples, **{**values, **changes})


def write_clips(folder: Path, clips: Sequence[Clip]) -> Artifact:
    """An artifact as ingest_audio writes it."""
    folder.mkdir(parents=True)
    draft, tally = Draft(folder), Tally()
    tally.rows_in = tally.rows_out = len(clips)
    draft.write(clips, Clip)
    draft.close(kind="clips", counts=tally.counts(), facts={}, lineage=_LINEAGE)
    return open_artifact(folder, "clips")
