"""Millions of rows without audio through merge, validation planning, lineage and erasure planning: seconds and memory.

python -m tests.benchmarks.scale --to FOLDER --samples 1000000 5000000

Every step is a process of its own, so that its memory is its own; the memory of a row of the table may not grow with
the samples.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from components.core.contracts.artifacts import open_artifact, read_manifest
from components.core.execution import execute, latest_result
from components.core.home import Home
from components.core.stages import STAGES
from components.self_generate.shards import SHARD, job_of, merge, open_shards
from components.validate_data.settings import ValidateDataSettings
from pipelines.lineage.choice import By
from tests.benchmarks.lineage import counted, traced
from tests.benchmarks.scale_home import only, write_after, write_merged, write_shards

MERGE = "merge"


def main() -> None:
    """Send so many rows through every step, and print a table with a column for each number of rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="where the results go")
    parser.add_argument("--samples", type=int, nargs="+", default=[1_000_000, 5_000_000], metavar="N")
    parser.add_argument(
        "--steps",
        nargs="+",
        choices=STEPS,
        default=[*STEPS],
        help="default: all; samples are written whole without merge",
    )
    parser.add_argument("--here", action="store_true", help="take one step, in this process, and print its figures")
    args = parser.parse_args()
    if args.here:
        print(json.dumps(figures(STEPS[args.steps[0]], Home(args.to))))
        return
    taken = {number: steps(args.to / str(number), number, args.steps) for number in args.samples}
    print("\n".join(rows_of(taken)))


def steps(folder: Path, samples: int, names: list[str]) -> dict[str, dict[str, float]]:
    """Take all steps, each in a process of its own, and return their figures by their names."""
    home, taken = Home(folder), {}
    if not home.root.exists():
        write(home, samples, merged=MERGE not in names)
    for name in names:
        taken[name] = in_a_process(folder, name)
        print(f"{samples} samples, {name}: {taken[name]}", file=sys.stderr, flush=True)
        if name == MERGE:
            write_after(home)
    return taken


def write(home: Home, samples: int, *, merged: bool) -> None:
    """Write what the first step is about: shards, or samples that need no merge and all that follows from them."""
    if merged:
        write_merged(home, samples)
        write_after(home)
    else:
        write_shards(home, samples)


def in_a_process(folder: Path, name: str) -> dict[str, float]:
    """Take a step."""
    command = [sys.executable, "-m", "tests.benchmarks.scale", "--here", "--to", str(folder), "--steps", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def figures(step: Callable[[Home], Any], home: Home) -> dict[str, float]:
    """Take a step here; the memory is the most that this process ever had, what it mapped of files included."""
    started_s = time.perf_counter()
    step(home)
    seconds = time.perf_counter() - started_s
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    most_kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return {"seconds": round(seconds, 1), "mib": round(most_kib / 1024)}


def rows_of(taken: Mapping[int, Mapping[str, Mapping[str, float]]]) -> Iterator[str]:
    """Yield a table in Markdown."""
    yield f"| | {' | '.join(f'{number:,} samples' for number in taken)} |"
    yield "|---" * (len(taken) + 1) + "|"
    for name in next(iter(taken.values())):
        cells = (f"{each[name]['seconds']:,.1f} s, {each[name]['mib']:,.0f} MiB" for each in taken.values())
        yield f"| {name} | {' | '.join(cells)} |"


def merge_samples(home: Home) -> None:
    """Put the shards together, as `python -m components.self_generate.merge_shards` does."""
    shutil.rmtree(home.root / "merged", ignore_errors=True)
    folders = [file.parent for file in (home.store / "self_generate").glob("*/manifest.json")]
    shards = open_shards([folder for folder in folders if read_manifest(folder).kind == SHARD])
    described = only(home, "extract_metadata").folder
    descriptions = open_artifact(described, "descriptions")
    execute(job_of(shards, descriptions), home.root / "merged", home, lambda place: merge(shards, descriptions, place))


def plan_run(home: Home) -> None:
    """Read what `desta plan` reads of the store."""
    assert all(latest_result(home, stage) for stage in STAGES)


def plan_validation(home: Home) -> None:
    """Read what validation knows before it judges the first sample: all clips, all ids and all answers."""
    from components.core.models.loading import load_tokenizer
    from components.core.models.store import LLM, open_model
    from components.validate_data.known_clips import known_clips
    from components.validate_data.measuring import Measurer

    known = known_clips(only(home, "ingest_audio"))
    samples, settings = only(home, "self_generate"), ValidateDataSettings()
    Measurer(load_tokenizer(open_model(LLM, home.models).folder), known, samples, settings)


def trace(home: Home) -> None:
    """Ask what an accepted sample in the middle came from."""
    shards = only(home, "validate_data").shards
    traced(home, pq.read_table(shards[len(shards) // 2], columns=["sample_id"])["sample_id"][0].as_py())


def plan_to_erase(home: Home) -> None:
    """Plan the erasure of one speaker, and see that its clips and results were found."""
    from pipelines.erasure.planning import plan_erasure
    from pipelines.erasure.subject import Subject

    empty = home.root.parent / "nothing"
    empty.mkdir(exist_ok=True)
    plan = plan_erasure(Subject(kind="speaker", name="speaker-7"), "a benchmark", home, empty)
    assert plan.erased.traces.clips
    assert {found.stage for found in plan.results} >= {"ingest_audio", "self_generate", "validate_data"}


STEPS: Mapping[str, Callable[[Home], Any]] = {
    MERGE: merge_samples,
    "plan": plan_run,
    "validation": plan_validation,
    "why": trace,
    "impact": lambda home: counted(home, By.SPEAKER, "speaker-7"),
    "erasure": plan_to_erase,
}


if __name__ == "__main__":
    main()
