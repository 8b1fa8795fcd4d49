"""What a run's bundle holds: all by which a run is identified and judged, and no row, transcript or name of a speaker.

bundle/  bundle.json  bundle.sig  pipeline.yaml  parameters.json  code.json  environment.json  devices.json
         journal.json  manifests/<kind>.json  validation.json  metrics.json  bom.cdx.json
         dataset_card.md  model_card.md

Of a run that failed there is what it came to. Rows may be erased later, and the bundle stays what it is.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.core.cards import CARD
from components.core.contracts.artifacts import MANIFEST
from components.core.contracts.records import Record, Sha256
from components.core.digests import digest_of_tree
from components.core.home import Home
from components.core.runs import RunRecord, State, write_record
from components.core.stages import STAGES
from pipelines.bundle.bom import bom_text
from pipelines.bundle.ended import EndedRun
from pipelines.bundle.surroundings import CODE, ENVIRONMENT, HELD
from pipelines.export.accepted import dataset_as_recorded
from pipelines.export.card import card
from pipelines.journal import Head
from pipelines.status import status_of

BUNDLE = "bundle.json"
PIPELINE = "pipeline.yaml"
PARAMETERS = "parameters.json"
JOURNAL = "journal.json"
MANIFESTS = "manifests"
BOM = "bom.cdx.json"
_VALIDATION = "validation.json"
_USE = "The samples are not here: `desta export` hands them out, and `desta verify` finds them by the digests below."


class BundleRecord(Record):
    """What a bundle is of: a run, and the digests of its results; the root is one digest for all manifests."""

    run_id: str
    state: State
    results: dict[str, Sha256]
    manifest_root: Sha256


class Parameters(Record):
    """What a run was asked for: its record, without its process, and its error, which may name a person."""

    run_id: str
    profile: str
    state: State
    started_s: float
    seconds: float
    parameters: dict[str, Any]
    data_revision: str
    code_version: str

    @classmethod
    def of(cls, record: RunRecord) -> "Parameters":
        """Take from a run's record what outlives its process."""
        return cls(**{name: getattr(record, name) for name in cls.model_fields})


def write_contents(folder: Path, run: EndedRun, head: Head, home: Home) -> None:
    """Write everything but the signature."""
    for name in (PIPELINE, CODE, ENVIRONMENT, HELD):
        _copy(run.folder / name, folder / name)
    write_record(folder / PARAMETERS, Parameters.of(run.record))
    write_record(folder / JOURNAL, head)
    write_record(folder / BUNDLE, _write_manifests(folder, run))
    _write_json(folder / "metrics.json", _metrics(run))
    (folder / BOM).write_text(bom_text(run, home.models, _distributions(run)), encoding="utf-8")
    if accepted := run.results.get("accepted"):
        _copy(accepted.folder / _VALIDATION, folder / _VALIDATION)
    if model := run.results.get("model"):
        _copy(model.folder / CARD, folder / "model_card.md")
    _write_dataset_card(folder / "dataset_card.md", run, home)


def root_of(folder: Path) -> str:
    """Return one digest for the names and the bytes of all manifests in a bundle."""
    return digest_of_tree(folder / MANIFESTS, (folder / MANIFESTS).glob("*"))


def _write_manifests(folder: Path, run: EndedRun) -> BundleRecord:
    (folder / MANIFESTS).mkdir()
    for kind, result in run.results.items():
        _copy(result.folder / MANIFEST, folder / MANIFESTS / f"{kind}.json")
    return BundleRecord(
        run_id=run.record.run_id,
        state=run.record.state,
        results={kind: result.digest for kind, result in run.results.items()},
        manifest_root=root_of(folder),
    )


def _metrics(run: EndedRun) -> dict[str, Any]:
    status = status_of(run.folder)
    rows = {"rows_in", "rows_out", "refused", "reused", "state", "seconds"}
    return {
        "gate": status.gate.model_dump(mode="json"),
        "model": status.model,
        "champion": status.champion,
        "evaluation": dict(run.figures),
        "stages": {stage.name: status.stages[stage.name].model_dump(mode="json", include=rows) for stage in STAGES},
    }


def _distributions(run: EndedRun) -> Mapping[str, str]:
    file = run.folder / ENVIRONMENT
    return dict(json.loads(file.read_bytes())["distributions"]) if file.is_file() else {}


def _write_dataset_card(file: Path, run: EndedRun, home: Home) -> None:
    """Write the card of what was accepted; a run that took it from elsewhere takes the card that lies beside it."""
    if run.rollup is None:
        return
    if "samples" not in run.results:
        _copy(run.results["accepted"].folder.parent / CARD, file)
        return
    accepted, clips, samples = (run.results[kind] for kind in ("accepted", "clips", "samples"))
    dataset = dataset_as_recorded(accepted, clips, samples.manifest, run.record, home)
    file.write_text(card(dataset, run.rollup, _USE), encoding="utf-8")


def _write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _copy(source: Path, to: Path) -> None:
    if source.is_file():
        shutil.copyfile(source, to)
