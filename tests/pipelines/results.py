"""Records of stages, and results in a store, made by the real way to run a stage with one file for its work."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.core.contracts.artifacts import Artifact, Counts
from components.core.execution import Job, Outcome, Workplace, execute
from components.core.home import Home
from components.core.lifeline import process_started_s
from components.core.models.store import open_model
from components.core.runs import Increment, RunRecord, StageRecord, State
from components.core.stages import STAGES, Stage
from pipelines.profiles import Profile
from pipelines.revision import sources_of
from tests.builders import flac, make_tone

FIGURES = {
    "ppl_untrained": 4.0,
    "ppl_trained": 3.0,
    "ppl_wrong_clip": 3.5,
    "audio_gain": 0.15,
    "audio_gain_low": 0.1,
    "audio_gain_high": 0.2,
}


def make_stage_record(**changes: Any) -> StageRecord:
    """Build the record of a stage that has done nothing yet."""
    values: dict[str, Any] = {
        "stage": "ingest_audio",
        "state": State.RUNNING,
        "reused": False,
        "rows_in": 0,
        "rows_out": 0,
        "refused": {},
        "seconds": 0.0,
        "started_s": 0.0,
        "outputs": {},
        "facts": {},
    }
    return StageRecord(**{**values, **changes})


def make_run_record(**changes: Any) -> RunRecord:
    """Build the record of a run of this process that ended well."""
    values: dict[str, Any] = {
        "run_id": "r1",
        "profile": "smoke",
        "state": State.SUCCEEDED,
        "pid": os.getpid(),
        "process_started_s": process_started_s(os.getpid()),
        "started_s": time.time(),
        "seconds": 12.5,
        "parameters": {},
        "data_revision": "corpora:abc",
        "code_version": "c",
    }
    return RunRecord(**{**values, **changes})


def make_corpus(folder: Path, *, hertz: float = 440.0) -> Path:
    """Write a corpus of one sound."""
    folder.mkdir(parents=True)
    (folder / "corpus.yaml").write_text(f"name: {folder.name}\nlicence: CC0-1.0\ndomain: sound\n")
    (folder / "a.flac").write_bytes(flac(make_tone(hertz=hertz)))
    return folder


def finish_stages(
    home: Home, profile: Profile, refusals: Mapping[str, tuple[str, ...]] | None = None, *, word: str = ""
) -> dict[str, Artifact]:
    """Bring the result of every stage into the store, as a run of the pipeline would, and return them.

    Results that are made with another `word`, from other corpora, are others.
    """
    done: dict[str, Artifact] = {}
    for stage in STAGES:
        job = Job(
            stage=stage,
            settings=profile.settings(stage.name),
            inputs={word: done[maker] for word, maker in stage.inputs.items()},
            models={name: open_model(getattr(profile, name), home.models).digest for name in stage.models},
            sources=sources_of(profile.corpora, home) if stage.reads_corpora else {},
        )
        output = home.root / "out" / f"{len(list(home.root.glob('out/*')))}-{stage.name}"
        reasons = (refusals or {}).get(stage.name, ())
        done[stage.name] = execute(job, output, home, lambda place, s=stage, r=reasons, w=word: _work(s, r, w, place))  # type: ignore[misc]
    return done


def _work(stage: Stage, refusals: tuple[str, ...], word: str, place: Workplace) -> Outcome:
    (place.draft.folder / "report.html").write_text(f"# {stage.name} {word}\n")
    (place.draft.folder / "rows").mkdir()
    (place.draft.folder / "rows" / "some.parquet").write_bytes(b"PAR1")
    facts: dict[str, Any] = FIGURES if stage.name == "evaluate_model" else {}
    increment = Increment(unit="answers", found=3, made=2) if stage.name == "self_generate" else None
    counts = Counts(rows_in=5, rows_out=4, refused={"too_short": 1})
    return Outcome(counts=counts, facts=facts, refusals=refusals, increment=increment)
