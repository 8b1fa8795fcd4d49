"""Runs of real artifacts with a few rows, at any point of their way."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.core.contracts.artifacts import Artifact
from components.core.contracts.records import Record
from components.core.home import Home
from components.core.runs import Output, State, stage_file, write_record, write_run
from components.core.stages import STAGES
from tests.builders import make_description, make_generator, make_sample
from tests.pipelines.export.making import CLIPS, FACTS, SAMPLES, write_artifact
from tests.pipelines.results import make_run_record, make_stage_record

DECODING = make_sample().decoding.model_dump()
REPORT = {
    "rules": [
        {
            "reason": "cut_off",
            "name": "is_finished",
            "expectation": "expect_column_values_to_be_in_set",
            "arguments": {"column": "finish_reason", "value_set": ["stop"]},
            "checked": 6,
            "failed": 2,
        }
    ],
    "gates": [
        {
            "stops": True,
            "name": "enough_is_accepted",
            "expectation": "expect_column_values_to_be_between",
            "arguments": {"column": "acceptance", "min_value": 0.9},
            "checked": 1,
            "failed": 1,
        }
    ],
}
_STARTED_S = 1_767_350_000.0
_NAMES = [stage.name for stage in STAGES]
_ROWS: Mapping[str, tuple[Record, ...]] = {
    "clips": CLIPS,
    "descriptions": (make_description(clip_id=CLIPS[0].clip_id),),
    "samples": SAMPLES,
    "accepted": SAMPLES,
}
_FACTS: Mapping[str, dict[str, Any]] = {
    "clips": FACTS,
    "samples": {"generator": make_generator().model_dump(), "decoding": DECODING},
    "accepted": {"generators": ["a" * 64]},
}


def make_run(home: Home, done: Mapping[str, State] | None = None, **changes: Any) -> Path:
    """Write a run whose stages stand as `done` says, all of them well where it says nothing; return its folder."""
    run_dir = home.runs / "r1"
    write_run(run_dir, make_run_record(**{"started_s": _STARTED_S, "seconds": 60.0, **changes}))
    for stage, state in (done if done is not None else dict.fromkeys(_NAMES, State.SUCCEEDED)).items():
        put_stage(home, stage, state)
    return run_dir


def put_stage(home: Home, name: str, state: State) -> None:
    """Write the record of a stage, and its result where it came to one."""
    number = _NAMES.index(name)
    record = make_stage_record(stage=name, state=State.RUNNING, started_s=_STARTED_S + 10 * number)
    if state is State.FAILED:
        record = record.model_copy(update={"state": state, "seconds": 5.0, "error": "a line"})
    if state in (State.SUCCEEDED, State.REFUSED):
        made = _result(home, STAGES[number].output)
        counts = made.manifest.counts
        changes = {
            "state": state,
            "seconds": 5.0,
            "rows_in": counts.rows_in,
            "rows_out": counts.rows_out,
            "refused": counts.refused,
            "facts": made.manifest.facts,
            "outputs": {made.manifest.kind: Output(digest=made.digest, path=str(made.folder))},
            "error": "enough_is_accepted: 0.67" if state is State.REFUSED else None,
        }
        record = record.model_copy(update=changes)
    write_record(stage_file(home.runs / "r1", name), record)


def _result(home: Home, kind: str) -> Artifact:
    refused = 2 if kind == "accepted" else 0
    made = write_artifact(home.store / kind, kind, _ROWS.get(kind, ()), refused, facts=_FACTS.get(kind, {}))
    if kind == "accepted":
        (made.folder / "validation.json").write_text(json.dumps(REPORT))
    return made


def dead_process() -> dict[str, Any]:
    """Return the driver of a run that is no more."""
    return {"state": State.RUNNING, "pid": os.getpid(), "process_started_s": 1.0}
