"""Lineage of a million samples: seconds of `why` and `impact`, beside one plain scan of the ids.

python -m tests.benchmarks.lineage --to FOLDER
python -m tests.benchmarks.lineage --to FOLDER --rows-per-shard 65536 --rows-per-group 8192
"""

import argparse
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from components.core.contracts.artifacts import Counts, Draft, Lineage
from components.core.contracts.parquet import rows_together, schema_of
from components.core.contracts.records import Audio, Clip, Description, Record, RefusedSample, Sample
from components.core.digests import digest_of
from components.core.home import Home
from components.core.stages import STAGES, stage_named
from pipelines.lineage.catalogue import read_catalogue
from pipelines.lineage.choice import By, Choice
from pipelines.lineage.impact import Impact, impact
from pipelines.lineage.nodes import Kind
from pipelines.lineage.why import Lineage as Asked
from tests.builders import make_clip, make_description, make_sample

A_CLIP = 4
"""Samples about each clip."""
REFUSED_ONE_OF = 5
SPEAKERS, PROMPTS = 1000, 97


def main() -> None:
    """Write the results unless they are there, then ask, first in a process that has read nothing, then again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="where the results go")
    parser.add_argument("--samples", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--rows-per-shard", type=int, default=512, metavar="N", help="default: 512, as stages write")
    parser.add_argument(
        "--rows-per-group", type=int, metavar="N", help="default: as stages write, clips other than text"
    )
    args = parser.parse_args()
    home = Home(args.to / f"{args.samples}-{args.rows_per_shard}-{args.rows_per_group or 'usual'}")
    if not home.root.exists():
        Writer(home, args.rows_per_shard, args.rows_per_group).write_all(args.samples)
    ask(home, args.samples)


class Writer:
    """Writes results as stages leave them, whole columns at a time: rows differ in what they are found by."""

    def __init__(self, home: Home, rows_per_shard: int, rows_per_group: int | None) -> None:
        self._home, self._shard, self._group = home, rows_per_shard, rows_per_group
        self._made: dict[str, str] = {}

    def write_all(self, samples: int) -> None:
        """Write the results of six stages; the last two hold no rows that are asked for."""
        clips = [identity("clip", number) for number in range(samples // A_CLIP)]
        speakers = [f"speaker-{number % SPEAKERS}" for number in range(len(clips))]
        rows = range(samples)
        kept = [number for number in rows if number % REFUSED_ONE_OF]
        refused = [number for number in rows if not number % REFUSED_ONE_OF]
        clip = make_clip(audio=Audio(bytes=b"", path="a.flac"))
        self._write("ingest_audio", Clip, clip, {"clip_id": clips, "speaker_id": speakers})
        self._write("extract_metadata", Description, make_description(), {"clip_id": clips})
        self._write("self_generate", Sample, make_sample(), columns(rows, clips))
        self._write("validate_data", Sample, make_sample(), columns(kept, clips), columns(refused, clips))
        self._write("train_model", Sample, make_sample(), {})
        self._write("evaluate_model", Sample, make_sample(), {})

    def _write(
        self,
        stage: str,
        record: type[Record],
        row: Record,
        differing: dict[str, list[str]],
        refused: dict[str, list[str]] | None = None,
    ) -> None:
        inputs = {word: self._made[maker] for word, maker in stage_named(stage).inputs.items()}
        key = digest_of([stage, inputs])
        folder = self._home.store / stage / key
        folder.mkdir(parents=True)
        rows = len(next(iter(differing.values()), []))
        for number, start in enumerate(range(0, rows, self._shard)):
            some = {name: values[start : start + self._shard] for name, values in differing.items()}
            self._file(folder / f"part-{number:05d}.parquet", table(record, row, some), rows_together(record))
        reasons = {}
        if refused:
            reasons = {"cut_off": len(refused["sample_id"])}
            refused_rows = quarantine(table(record, row, refused))
            self._file(folder / "quarantine.parquet", refused_rows, rows_together(RefusedSample))
        lineage = Lineage(stage=stage, key=key, code=key, settings={}, inputs=inputs, models={}, sources={})
        counts = Counts(rows_in=rows + sum(reasons.values()), rows_out=rows, refused=reasons)
        kind = stage_named(stage).output
        self._made[stage] = Draft(folder).close(kind=kind, counts=counts, facts={}, lineage=lineage).digest

    def _file(self, file: Path, rows: pa.Table, usual: int) -> None:
        pq.write_table(rows, file, compression="zstd", row_group_size=self._group or usual)


def identity(kind: str, number: int) -> str:
    """Return an id."""
    return hashlib.sha256(f"{kind} {number}".encode()).hexdigest()


def columns(numbers: Sequence[int], clips: Sequence[str]) -> dict[str, list[str]]:
    """Return what tells samples apart."""
    return {
        "sample_id": [identity("sample", number) for number in numbers],
        "clip_id": [clips[number // A_CLIP] for number in numbers],
        "prompt_id": [f"sound-descriptive-{number % PROMPTS:03d}" for number in numbers],
    }


def table(record: type[Record], row: Record, differing: Mapping[str, list[Any]]) -> pa.Table:
    """Return a row as often as there are values, with these in place."""
    schema = schema_of(record)
    times = len(next(iter(differing.values())))
    rows = pa.Table.from_pylist([row.model_dump()], schema=schema).take(pa.array([0] * times))
    for name, values in differing.items():
        number = schema.get_field_index(name)
        rows = rows.set_column(number, schema.field(number), pa.array(values, schema.field(number).type))
    return rows.cast(schema)


def quarantine(samples: pa.Table) -> pa.Table:
    """Return samples as refused ones."""
    whole = samples.combine_chunks()
    fields = [samples.schema.field(name) for name in samples.schema.names]
    inside = pa.StructArray.from_arrays([whole[name].chunk(0) for name in samples.schema.names], fields=fields)
    told = [pa.array([text] * len(inside)) for text in ("cut_off", "")]
    return pa.Table.from_arrays([inside, *told], schema=schema_of(RefusedSample))


def ask(home: Home, samples: int) -> None:
    """Print what questions take."""
    scan_s = plain_scan_s(home)
    print(f"plain scan of the ids of {samples} samples in self_generate's files: {scan_s:.3f} s", flush=True)
    kept = (identity("sample", number) for number in range(samples // 2 + 1, samples, REFUSED_ONE_OF))
    refused = (identity("sample", number) for number in range(samples // 2, samples, REFUSED_ONE_OF))
    clips = (identity("clip", number) for number in count(samples // 9))
    asked = Asked(read_catalogue(home, home.root))
    for what, question in (
        ("cold: why SAMPLE, manifests read each time", lambda: traced(home, next(kept))),
        ("cold: impact --speaker", lambda: counted(home, By.SPEAKER, "speaker-7")),
        ("cold: impact --prompt", lambda: counted(home, By.PROMPT, "sound-descriptive-007")),
        ("warm: why SAMPLE, another one each time", lambda: check(asked, next(kept))),
        ("warm: why SAMPLE, a refused one", lambda: check(asked, next(refused))),
        ("warm: why CLIP", lambda: asked.why(next(clips))),
    ):
        print(line(what, question, scan_s), flush=True)


def traced(home: Home, sample_id: str) -> None:
    """Trace a sample from nothing."""
    check(Asked(read_catalogue(home, home.root)), sample_id)


def check(asked: Asked, sample_id: str) -> None:
    """Trace a sample and see that it leads to its file and to the evaluation, unless it was refused."""
    trace = asked.why(sample_id)
    assert not any(step.missing for step in (*trace.of(Kind.CLIP), *trace.of(Kind.DESCRIPTION)))
    assert trace.of(Kind.FILE)
    assert len(trace.of(Kind.DATASET)) == len(STAGES) - 2
    accepted = trace.of(Kind.VERDICT)[0].facts["verdict"] == "accepted"
    assert bool(trace.of(Kind.EVALUATION)) == accepted


def counted(home: Home, by: By, value: str) -> Impact:
    """Count from nothing, and see that there is something."""
    found = impact(Choice(by=by, values=(value,)), home, home.root)
    assert found.samples
    return found


def plain_scan_s(home: Home) -> float:
    """Return the seconds of the quicker of two scans of all ids."""
    files = [str(file) for file in home.store.glob("self_generate/*/part-*.parquet")]

    def scan() -> None:
        with duckdb.connect(":memory:") as database:
            database.execute("SELECT max(sample_id) FROM read_parquet($files)", {"files": files}).fetchall()

    return min(timings(scan, 2))


def line(what: str, question: Callable[[], Any], scan_s: float) -> str:
    """Ask three times, and say the seconds of each and the ratio of the least to the scan."""
    seconds = [*timings(question, 3)]
    each = ", ".join(f"{one:.3f}" for one in seconds)
    return f"{what}: {each} s; the least is {min(seconds) / scan_s:.2f} of the scan"


def timings(work: Callable[[], Any], times: int) -> Iterator[float]:
    """Yield the seconds of each of several times."""
    for _ in range(times):
        started_s = time.perf_counter()
        work()
        yield time.perf_counter() - started_s


if __name__ == "__main__":
    main()
