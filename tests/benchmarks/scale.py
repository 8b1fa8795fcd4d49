"""Millions of rows without audio through merge, validation planning, lineage and erasure planning: seconds and memory.

python -m tests.benchmarks.scale --to FOLDER --samples 1000000 5000000

Rows are written whole columns at a time, and differ in what they are found by and in their answers. Every step is a
process of its own, so that its memory is its own; the memory of a row of the table may not grow with the samples.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.core.contracts.artifacts import (
    ROWS_PER_SHARD,
    Artifact,
    Counts,
    Draft,
    Lineage,
    Manifest,
    open_artifact,
    read_manifest,
)
from components.core.contracts.parquet import schema_of
from components.core.contracts.records import Audio, Clip, Description, RefusedSample, Sample
from components.core.execution import execute, latest_result, lineage_of
from components.core.home import Home
from components.core.settings import Settings
from components.core.stages import STAGES, stage_named
from components.self_generate.questions import Plan, Planned
from components.self_generate.settings import SelfGenerateSettings, ShardSettings
from components.self_generate.shards import SHARD, job_of, merge, open_shards
from components.self_generate.stage import origin_of, plan_of
from components.validate_data.settings import ValidateDataSettings
from pipelines.lineage.choice import By
from tests.benchmarks.lineage import REFUSED_ONE_OF, counted, identity, quarantine, table, traced
from tests.builders import make_clip, make_description, make_generator, make_sample

A_CLIP, SHARDS, BATCH = 4, 4, 1024
SPEAKERS = 1000
"""Each speaks in clips that follow one another, as files of a corpus do."""
BLOCK = 65_536
"""Rows in memory while they are written."""
GENERATE = stage_named("self_generate")


def main() -> None:
    """Send so many rows through every step, and print a table with a column for each number of rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="where the results go")
    parser.add_argument("--samples", type=int, nargs="+", default=[1_000_000, 5_000_000], metavar="N")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=[*STEPS], help="default: all")
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
        write_shards(home, samples)
    for name in names:
        taken[name] = in_a_process(folder, name)
        print(f"{samples} samples, {name}: {taken[name]}", file=sys.stderr, flush=True)
        if name == "merge":
            write_after(home)
    return taken


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


def write_shards(home: Home, samples: int) -> None:
    """Write clips, their descriptions, and the shards of a generation as several processes leave them."""
    clips = samples // A_CLIP
    ingested = result(home, "ingest_audio", {}, clip_tables(clips))
    described = result(home, "extract_metadata", {"clips": ingested.digest}, description_tables(clips))
    descriptions = Artifact(home.store / "extract_metadata" / described.lineage.key, described)
    shards = [Shard(home, number, descriptions) for number in range(SHARDS)]
    plan = plan_of(descriptions, SelfGenerateSettings(prompts_per_clip=A_CLIP, batch=BATCH), make_generator())
    for number, batch in enumerate(plan.batches()):
        shards[number % SHARDS].add(batch)
    for shard in shards:
        shard.close(plan)


class Shard:
    """A shard of a generation while it is written; a plan that is read once serves all of them."""

    def __init__(self, home: Home, number: int, descriptions: Artifact) -> None:
        settings = ShardSettings(prompts_per_clip=A_CLIP, batch=BATCH, shard=number, shards=SHARDS)
        self._lineage = lineage_of(GENERATE, settings, {"descriptions": descriptions.digest}, {"llm": "a" * 64}, {})
        self._folder = made(home, self._lineage)
        self._parts, self._rows = count(), 0

    def add(self, batch: Sequence[Planned]) -> None:
        """Write what was answered to the questions of a batch."""
        self._rows += write_parts(self._folder, [sample_table(batch)], self._parts)

    def close(self, plan: Plan) -> None:
        """Write the manifest."""
        rows = self._rows
        facts = {"prompt_tokens": 90 * rows, "response_tokens": 6 * rows, "finish_reasons": {"stop": rows}}
        counts = Counts(rows_in=rows, rows_out=rows, refused={})
        Draft(self._folder).close(kind=SHARD, counts=counts, facts={**origin_of(plan), **facts}, lineage=self._lineage)


def write_after(home: Home) -> None:
    """Write what later stages would have made of the merged samples: some refused, then a model and its report."""
    samples, clips = only(home, "self_generate").manifest.digest, only(home, "ingest_audio").manifest.digest
    accepted = write_accepted(home, {"samples": samples, "clips": clips}).digest
    model = result(home, "train_model", {"accepted": accepted, "clips": clips}, ()).digest
    result(home, "evaluate_model", {"model": model, "accepted": accepted, "clips": clips}, ())


def write_accepted(home: Home, inputs: dict[str, str]) -> Manifest:
    """Write all but one of so many merged samples, and that one into the quarantine."""
    lineage = lineage_of(stage_named("validate_data"), ValidateDataSettings(), inputs, {}, {})
    folder, rows, refused = made(home, lineage), 0, 0
    with pq.ParquetWriter(folder / "quarantine.parquet", schema_of(RefusedSample), compression="zstd") as quarantined:
        for part in only(home, "self_generate").shards:
            whole = pq.read_table(part)
            stays = pa.array([bool((rows + row) % REFUSED_ONE_OF) for row in range(len(whole))])
            pq.write_table(whole.filter(stays), folder / part.name, compression="zstd")
            gone = quarantine(whole.filter(pc.invert(stays)))
            quarantined.write_table(gone)
            rows, refused = rows + len(whole), refused + len(gone)
    counts = Counts(rows_in=rows, rows_out=rows - refused, refused={"cut_off": refused})
    return Draft(folder).close(kind="accepted", counts=counts, facts={}, lineage=lineage)


def result(home: Home, stage: str, inputs: dict[str, str], tables: Iterable[pa.Table]) -> Manifest:
    """Write the result of a stage."""
    lineage = lineage_of(stage_named(stage), Settings(), inputs, {}, {})
    folder = made(home, lineage)
    rows = write_parts(folder, tables, count())
    counts = Counts(rows_in=rows, rows_out=rows, refused={})
    return Draft(folder).close(kind=stage_named(stage).output, counts=counts, facts={}, lineage=lineage)


def made(home: Home, lineage: Lineage) -> Path:
    """Make the folder of a result."""
    folder = home.store / lineage.stage / lineage.key
    folder.mkdir(parents=True)
    return folder


def write_parts(folder: Path, tables: Iterable[pa.Table], numbers: Iterator[int]) -> int:
    """Write tables in files of as many rows as stages write, and return how many rows there were."""
    rows = 0
    for whole in tables:
        for start in range(0, len(whole), ROWS_PER_SHARD):
            part = whole.slice(start, ROWS_PER_SHARD)
            pq.write_table(part, folder / f"part-{next(numbers):05d}.parquet", compression="zstd")
        rows += len(whole)
    return rows


def clip_tables(clips: int) -> Iterator[pa.Table]:
    """Yield clips without audio, each with a file and a speaker."""
    clip = make_clip(audio=Audio(bytes=b"", path="a.flac"))
    for numbers in blocks(clips):
        sources = [source(number) for number in numbers]
        speakers = [f"speaker-{number * SPEAKERS // clips}" for number in numbers]
        ids = [identity("clip", number) for number in numbers]
        yield table(Clip, clip, {"clip_id": ids, "source": sources, "speaker_id": speakers})


def source(number: int) -> dict[str, Any]:
    """Return where a clip comes from."""
    path = f"{number:07d}.flac"
    place = {"corpus": "scale", "path": path, "sha256": identity("file", number), "source_id": f"scale/{path}"}
    return {**place, "offset_s": 0.0, "length_s": None}


def description_tables(clips: int) -> Iterator[pa.Table]:
    """Yield a description of each clip."""
    for numbers in blocks(clips):
        ids = [identity("clip", number) for number in numbers]
        yield table(Description, make_description(), {"clip_id": ids})


def sample_table(asked: Sequence[Planned]) -> pa.Table:
    """Return what was answered to questions, in their order."""
    told = {
        "sample_id": [question.sample_id for question in asked],
        "clip_id": [question.description.clip_id for question in asked],
        "prompt_id": [question.prompt.prompt_id for question in asked],
        "prompt": [question.prompt.text for question in asked],
        "response": [f"Nearby a dog barks, as in {question.sample_id[:16]}." for question in asked],
    }
    return table(Sample, make_sample(), told)


def blocks(rows: int) -> Iterator[range]:
    """Yield the numbers of rows that are written together."""
    yield from (range(start, min(start + BLOCK, rows)) for start in range(0, rows, BLOCK))


def only(home: Home, stage: str) -> Artifact:
    """Return the newest result of a stage, which is no shard; its bytes are not verified."""
    manifest = latest_result(home, stage_named(stage))
    assert manifest is not None, stage
    return Artifact(home.store / stage / manifest.lineage.key, manifest)


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
    "merge": merge_samples,
    "plan": plan_run,
    "validation": plan_validation,
    "why": trace,
    "impact": lambda home: counted(home, By.SPEAKER, "speaker-7"),
    "erasure": plan_to_erase,
}


if __name__ == "__main__":
    main()
