"""What a run looks like at one moment, read from its folder."""

from dataclasses import dataclass
from pathlib import Path

from components.core.progress import Reading
from components.core.runs import StageRecord, progress_file, read_stage
from components.core.stages import STAGES


@dataclass(frozen=True)
class StageView:
    """A stage with its record and its newest progress, where there are any."""

    name: str
    record: StageRecord | None
    reading: Reading | None


def views(run_dir: Path) -> tuple[StageView, ...]:
    """Return all stages in their order."""
    return tuple(StageView(s.name, read_stage(run_dir, s.name), _reading(run_dir, s.name)) for s in STAGES)


def _reading(run_dir: Path, stage: str) -> Reading | None:
    file = progress_file(run_dir, stage)
    return Reading.model_validate_json(file.read_bytes()) if file.is_file() else None
