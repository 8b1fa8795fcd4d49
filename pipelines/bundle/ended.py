"""A run that ended, as its records tell: what its bundle is made from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.core.contracts.artifacts import Artifact, read_manifest
from components.core.contracts.errors import ContractError
from components.core.runs import RunRecord, StageRecord, State, TrackingRecord, read_run, read_stage, read_tracking
from components.core.stages import STAGES
from pipelines.display import say
from pipelines.export.rollup import Rollup


@dataclass(frozen=True, kw_only=True)
class EndedRun:
    """The records of a run, and its results by their kind (`clips`, …, `report`), not read beyond their manifests."""

    folder: Path
    record: RunRecord
    tracking: TrackingRecord | None
    results: Mapping[str, Artifact]
    rollup: Rollup | None
    """What the accepted samples come to; `None` where nothing was accepted."""

    @property
    def started(self) -> datetime:
        """When it began."""
        return datetime.fromtimestamp(int(self.record.started_s), UTC)

    @property
    def figures(self) -> Mapping[str, Any]:
        """What the evaluation measured."""
        report = self.results.get("report")
        return report.manifest.facts if report else {}

    @property
    def models(self) -> Mapping[str, str]:
        """The digests of the frozen models, by their part (`encoder`, `llm`)."""
        used = (result.manifest.lineage.models for result in self.results.values())
        return {part: digest for models in used for part, digest in models.items()}


def read_ended(run_dir: Path) -> EndedRun:
    """Read what a run recorded; a result that is no more what the run recorded is passed over with a line.

    Raises:
        ContractError: a record of the run is damaged.
    """
    found = {stage.name: read_stage(run_dir, stage.name) for stage in STAGES}
    stages = {name: record for name, record in found.items() if record}
    results = dict(_results(stages))
    return EndedRun(
        folder=run_dir,
        record=read_run(run_dir),
        tracking=read_tracking(run_dir),
        results=results,
        rollup=_rollup(stages, results),
    )


def _results(stages: Mapping[str, StageRecord]) -> Iterator[tuple[str, Artifact]]:
    for record in stages.values():
        for kind, output in record.outputs.items():
            folder = Path(output.path)
            try:
                manifest = read_manifest(folder)
            except ContractError as error:
                say(f"{error}; left out of the run's bundle")
                continue
            if manifest.digest == output.digest:
                yield kind, Artifact(folder, manifest)
            else:
                say(f"{folder}: is {manifest.digest}, the run recorded {output.digest}; left out of the run's bundle")


def _rollup(stages: Mapping[str, StageRecord], results: Mapping[str, Artifact]) -> Rollup | None:
    validated = stages.get("validate_data")
    if not validated or validated.state is not State.SUCCEEDED or not validated.rows_out:
        return None
    if not {"clips", "accepted"} <= results.keys():
        return None
    rollup = Rollup(results["clips"])
    rollup.count(results["accepted"])
    return rollup
