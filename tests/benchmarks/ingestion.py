"""Ingestion beside Lhotse and AudioTrove on one folder of audio, in turns; each in an environment of its own.

    python -m tests.benchmarks.many_clips --clips 2000 --to FOLDER
    python -m tests.benchmarks.ingestion FOLDER/2000/corpus --lhotse ENV/bin/python --audiotrove ENV/bin/python

AudioTrove finds Silero VAD under the home folder that this script makes for it; its environment needs `silero-vad` too.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.core.models.store import ENCODER

_LHOTSE = (
    "import sys, lhotse; print(len(lhotse.RecordingSet.from_dir(sys.argv[1], '*.flac', num_jobs=int(sys.argv[2]))))"
)
_HUB = Path(".cache/torch/hub/snakers4_silero-vad_master")
_HUBCONF = """
import silero_vad as package

def silero_vad(**options):
    uses = (package.get_speech_timestamps, package.save_audio, package.read_audio, None, None)
    return package.load_silero_vad(), uses
"""


def main() -> None:
    """Run each twice, in turns, as a process of its own, and print the better of both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="a corpus folder of FLAC files")
    parser.add_argument("--lhotse", required=True, metavar="PYTHON")
    parser.add_argument("--audiotrove", required=True, metavar="PYTHON")
    args = parser.parse_args()
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        for turn in range(2):
            for what, seconds in one_turn(args, Path(name) / str(turn)).items():
                best[what] = min(seconds, best.get(what, seconds))
                print(f"turn {turn + 1}: {what}: {seconds:.1f} s", flush=True)
    for what, seconds in best.items():
        print(f"{what}: {seconds:.1f} s, {seconds / best['desta: clips']:.2f} of desta's clips")


def one_turn(args: argparse.Namespace, folder: Path) -> Mapping[str, float]:
    """Return the seconds of each."""
    folder.mkdir()
    cores = str(len(os.sched_getaffinity(0)))
    clips, ingest = (
        str(folder / "clips"),
        [sys.executable, "-m", "components.ingest_audio", "--corpus", str(args.corpus)],
    )
    describe = [sys.executable, "-m", "components.extract_metadata", "--clips", clips, "--encoder", ENCODER]
    home = {"DESTA_HOME": str(folder / "desta")}
    trove = [
        str(Path(args.audiotrove).with_name("audiotrove")),
        "curate",
        str(args.corpus / "audio"),
        str(folder / "out"),
    ]
    return {
        "Lhotse: headers": timed([args.lhotse, "-c", _LHOTSE, str(args.corpus), cores], {}),
        "desta: clips": timed([*ingest, "--clips", clips], home),
        "desta: clips again": timed([*ingest, "--clips", clips], home),
        "desta: metadata": timed([*describe, "--descriptions", str(folder / "d"), "--transcribe", "never"], home),
        "AudioTrove: curate": timed([*trove, "--extensions", "flac", "--workers", cores], hub_home(folder)),
    }


def hub_home(folder: Path) -> Mapping[str, str]:
    """Make a home folder in which AudioTrove finds the voice detector that is installed."""
    hub = folder / "home" / _HUB
    hub.mkdir(parents=True)
    (hub / "hubconf.py").write_text(_HUBCONF)
    return {"HOME": str(folder / "home")}


def timed(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Run a command and return its seconds; it has to succeed."""
    if shutil.which(command[0]) is None:
        raise SystemExit(f"{command[0]}: no such program; make the environment first")
    started_s = time.monotonic()
    subprocess.run(command, env={**os.environ, **environment}, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started_s


if __name__ == "__main__":
    main()
