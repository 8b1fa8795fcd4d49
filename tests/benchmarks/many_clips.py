"""Ingestion and metadata of a corpus cut from the sample corpora: audio-hours an hour, and memory against size.

python -m tests.benchmarks.many_clips --clips 2000 20000 --to FOLDER
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import soundfile as sf

from components.core.audio import decode, quantise, resample
from components.core.contracts.artifacts import open_artifact
from components.core.contracts.records import SAMPLE_RATE_HZ
from components.core.corpora.reading import read_corpora
from components.core.models.store import ENCODER
from pipelines.sample_data import sample_corpora

LEAST_S, MOST_S = 0.5, 2.0


def main() -> None:
    """Cut a corpus of each size, run both stages on it as commands, and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, nargs="+", default=[2000, 20_000], metavar="N")
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="where corpora and results go")
    args = parser.parse_args()
    for count in args.clips:
        folder = args.to / str(count)
        cut_corpus(folder / "corpus", count)
        for stage, arguments in stages(folder):
            seconds, peak_mib = timed(stage, arguments, folder / "home")
            hours = hours_of(folder / "clips")
            print(
                f"{count} clips, {hours:.2f} h, {stage}: {seconds:.0f} s, "
                f"{3600 * hours / seconds:.0f} audio-hours an hour, peak {peak_mib:.0f} MiB",
                flush=True,
            )


def cut_corpus(folder: Path, count: int) -> None:
    """Write that many FLAC files, each a random stretch of a sample recording, with what is known of it."""
    if (folder / "corpus.yaml").exists():
        return
    draw, names = random.Random(42), iter(range(count))  # noqa: S311 (repeatable, not secret)
    recordings = [recording for corpus in read_corpora(sample_corpora()) for recording in corpus.recordings]
    (folder / "audio").mkdir(parents=True)
    rows: list[str] = []
    while len(rows) < count:
        recording = draw.choice(recordings)
        samples, rate_hz = decode(recording.file)
        pcm = quantise(resample(samples, rate_hz))
        for number in (next(names) for _ in range(min(50, count - len(rows)))):
            length = min(len(pcm), round(draw.uniform(LEAST_S, MOST_S) * SAMPLE_RATE_HZ))
            start = draw.randrange(len(pcm) - length + 1)
            path = f"audio/{number:06d}.flac"
            sf.write(folder / path, pcm[start : start + length], SAMPLE_RATE_HZ)
            known = {
                "path": path,
                "domain": recording.domain,
                "split": recording.split,
                "source_id": recording.source_id,
            }
            rows.append(json.dumps({**known, "speaker_id": recording.speaker_id, "language": recording.language}))
    (folder / "metadata.jsonl").write_text("\n".join(rows) + "\n")
    (folder / "corpus.yaml").write_text(f"name: cut-{count}\nlicence: see the sample corpora\n")


def stages(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield both stages with their arguments."""
    clips = str(folder / "clips")
    yield "ingest_audio", ["--corpus", str(folder / "corpus"), "--clips", clips]
    described = ["--clips", clips, "--encoder", ENCODER, "--descriptions", str(folder / "descriptions")]
    yield "extract_metadata", [*described, "--transcribe", "never"]


def timed(stage: str, arguments: list[str], home: Path) -> tuple[float, float]:
    """Run a stage as its own process; return its seconds and the most memory it held (MiB)."""
    started_s = time.monotonic()
    environment = {**os.environ, "DESTA_HOME": str(home)}
    process = subprocess.Popen([sys.executable, "-m", f"components.{stage}", *arguments], env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{stage} failed")
    return time.monotonic() - started_s, _mib(usage)


def _mib(usage: resource.struct_rusage) -> float:
    return float(usage.ru_maxrss) / 1024  # Linux counts in KiB


def hours_of(clips: Path) -> float:
    """Return how much audio was accepted."""
    domains = open_artifact(clips).manifest.facts["domains"].values()
    return float(sum(split["seconds"] for splits in domains for split in splits.values())) / 3600


if __name__ == "__main__":
    main()
