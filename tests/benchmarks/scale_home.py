"""A home with millions of rows without audio, as the stages of a run leave it.

Rows are written whole columns at a time, and differ in what they are found by and in their answers.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.core.contracts.artifacts import QUARANTINE, ROWS_PER_SHARD, Artifact, Counts, Draft, Lineage, Manifest
from components.core.contracts.parquet import rows_together, schema_of
from components.core.contracts.records import Audio, Clip, Description, RefusedSample, Sample
from components.core.execution import latest_result, lineage_of
from components.core.home import Home
from components.core.settings import Settings
from components.core.stages import stage_named
from components.self_generate.questions import Plan, Planned
from components.self_generate.settings import SelfGenerateSettings, ShardSettings
from components.self_generate.shards import SHARD
from components.self_generate.stage import origin_of, plan_of
from components.validate_data.settings import ValidateDataSettings
from tests.benchmarks.lineage import REFUSED_ONE_OF, identity, quarantine, table
from tests.builders import make_clip, make_description, make_generator, make_sample

A_CLIP, SHARDS, BATCH = 4, 4, 1024
SPEAKERS = 1000
"""Each speaks in clips that follow one another, as files of a corpus do."""
BLOCK = 65_536
"""Rows in memory while they are written."""
GENERATE = stage_named("self_generate")


def write_shards(home: Home, samples: int) -> None:
    """Write clips, their descriptions, and the shards of a generation as several processes leave them."""
    described = write_clips(home, samples // A_CLIP)
    descriptions = Artifact(home.store / "extract_metadata" / described.lineage.key, described)
    shards = [Shard(home, number, descriptions) for number in range(SHARDS)]
    plan = plan_of(descriptions, SelfGenerateSettings(prompts_per_clip=A_CLIP, batch=BATCH), make_generator())
    for number, batch in enumerate(plan.batches()):
        shards[number % SHARDS].add(batch)
    for shard in shards:
        shard.close(plan)


def write_merged(home: Home, samples: int) -> None:
    """Write clips, their descriptions, and samples as a merge leaves them, which takes a tenth of planning them."""
    described = write_clips(home, samples // A_CLIP)
    result(home, "self_generate", {"descriptions": described.digest}, merged_tables(samples))


def write_clips(home: Home, clips: int) -> Manifest:
    """Write clips and their descriptions, and return the manifest of these."""
    ingested = result(home, "ingest_audio", {}, clip_tables(clips))
    return result(home, "extract_metadata", {"clips": ingested.digest}, description_tables(clips))


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
    schema, together = schema_of(RefusedSample), rows_together(RefusedSample)
    waiting = schema.empty_table()
    with pq.ParquetWriter(folder / QUARANTINE, schema, compression="zstd") as quarantined:
        for part in only(home, "self_generate").shards:
            whole = pq.read_table(part)
            stays = pa.array([bool((rows + row) % REFUSED_ONE_OF) for row in range(len(whole))])
            pq.write_table(whole.filter(stays), folder / part.name, compression="zstd")
            gone = quarantine(whole.filter(pc.invert(stays)))
            rows, refused = rows + len(whole), refused + len(gone)
            waiting = pa.concat_tables([waiting, gone])
            if len(waiting) >= together:  # as many as stages write together: a footer grows with the groups
                quarantined.write_table(waiting.slice(0, together))
                waiting = waiting.slice(together)
        quarantined.write_table(waiting)
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


def merged_tables(samples: int) -> Iterator[pa.Table]:
    """Yield samples, so many about each clip."""
    for numbers in blocks(samples):
        ids = [identity("sample", number) for number in numbers]
        clips = [identity("clip", number // A_CLIP) for number in numbers]
        told = {"sample_id": ids, "clip_id": clips, "response": [answer(sample_id) for sample_id in ids]}
        yield table(Sample, make_sample(), told)


def sample_table(asked: Sequence[Planned]) -> pa.Table:
    """Return what was answered to questions, in their order."""
    told = {
        "sample_id": [question.sample_id for question in asked],
        "clip_id": [question.description.clip_id for question in asked],
        "prompt_id": [question.prompt.prompt_id for question in asked],
        "prompt": [question.prompt.text for question in asked],
        "response": [answer(question.sample_id) for question in asked],
    }
    return table(Sample, make_sample(), told)


def answer(sample_id: str) -> str:
    """Return an answer that no other sample has."""
    return f"Nearby a dog barks, as in {sample_id[:16]}."


def blocks(rows: int) -> Iterator[range]:
    """Yield the numbers of rows that are written together."""
    yield from (range(start, min(start + BLOCK, rows)) for start in range(0, rows, BLOCK))


def only(home: Home, stage: str) -> Artifact:
    """Return the newest result of a stage, which is no shard; its bytes are not verified."""
    manifest = latest_result(home, stage_named(stage))
    assert manifest is not None, stage
    return Artifact(home.store / stage / manifest.lineage.key, manifest)
