"""What Kubeflow itself reused: a stage that it skipped has no pod, and so nobody who records it but the last task."""

import json
from collections.abc import Mapping
from pathlib import Path

from components.core.contracts.errors import ExitCode
from components.core.digests import canonical_json
from components.core.home import Home
from components.core.publishing import write_file
from components.core.runs import (
    StageRecord,
    State,
    passing_over,
    read_run,
    read_stage,
    run_dirs,
    stage_file,
    write_record,
)
from components.core.stages import STAGES

_KEYS = "kubeflow_keys.json"


def record_reused(run_dir: Path, keys: Mapping[str, str], exit_code: int, home: Home) -> None:
    """Give every stage that was skipped the record of the run that did it under the same content key.

    Of a run that failed these are the stages before one that has a record: what comes after was not reached.
    """
    if not keys:
        return
    write_file(run_dir / _KEYS, canonical_json(dict(keys)))
    names = [stage.name for stage in STAGES]
    recorded = [number for number, name in enumerate(names) if read_stage(run_dir, name)]
    reached = len(names) if exit_code == ExitCode.DONE else max(recorded, default=-1) + 1
    for name in names[:reached]:
        if read_stage(run_dir, name) is None and (made := _made_under(keys.get(name), name, home)):
            spent = {"reused": True, "increment": None, "started_s": read_run(run_dir).started_s, "seconds": 0.0}
            write_record(stage_file(run_dir, name), made.model_copy(update=spent))


def _made_under(key: str | None, stage: str, home: Home) -> StageRecord | None:
    """Return what the newest run recorded of a stage under a key, as long as its result is there."""
    same = (folder for folder in run_dirs(home.runs) if key and _keys_of(folder).get(stage) == key)
    for record in passing_over(same, lambda folder: read_stage(folder, stage)):
        if record and record.state is State.SUCCEEDED and all(Path(o.path).is_dir() for o in record.outputs.values()):
            return record
    return None


def _keys_of(run_dir: Path) -> dict[str, str]:
    file = run_dir / _KEYS
    return dict(json.loads(file.read_bytes())) if file.is_file() else {}
