"""A run that ended, with small results of every kind and a store of two models of a few bytes, and its bundle."""

from pathlib import Path

from components.core.contracts.artifacts import Artifact, Counts, Draft, FileEntry, Lineage, open_artifact
from components.core.digests import canonical_json, digest_of_bytes
from components.core.home import Home
from components.core.models.store import MARKER, ModelManifest
from components.core.runs import ModelVersion, State, TrackingRecord, read_run, write_run, write_tracking
from components.core.stages import stage_named
from pipelines.bundle.sealing import FOLDER, tell_ended, tell_started, write_bundle
from pipelines.bundle.signing import signing_key
from pipelines.bundle.surroundings import keep_surroundings
from tests.pipelines.export.making import make_run, write_stage
from tests.pipelines.results import FIGURES

SETTINGS = {"queries": 16, "qformer_layers": 2, "steps": 6}


def make_ended_run(home: Home, run_id: str = "r1", state: State = State.SUCCEEDED) -> Path:
    """Write everything that a run leaves but its bundle and its entries in the journal."""
    models = {"encoder": _model(home, "hf://openai/whisper-tiny@main", "mit"), "llm": _model(home, "pypi://a@1", "X-1")}
    made = make_run(home, run_id, state=state)
    run_dir, store = home.runs / run_id, home.store / run_id
    inputs = {"accepted": made["validate_data"].digest, "clips": made["ingest_audio"].digest}
    model = _result(store / "model", "train_model", inputs, models, {"README.md": "# it hears\n", "adapter": "weights"})
    report = _result(
        store / "report", "evaluate_model", {**inputs, "model": model.digest}, models, {"report.html": "a"}
    )
    for stage, artifact in {"train_model": model, "evaluate_model": report}.items():
        write_stage(home, run_id, stage, artifact)
    (run_dir / "pipeline.yaml").write_text("# the compiled pipeline\n")
    version = ModelVersion(name="desta-adapter", version="3", digest=model.digest)
    write_tracking(run_dir, TrackingRecord(mlflow_run_id="m", model=version))
    keep_surroundings(run_dir)
    return run_dir


def make_bundle(home: Home, run_id: str = "r1") -> Path:
    """Write a run with its bundle, and tell the journal of both ends, as the driver does."""
    run_dir = make_ended_run(home, run_id)
    tell_started(read_run(run_dir), home)
    tell_ended(run_dir, write_bundle(run_dir, home, signing_key(home)), home)
    return run_dir / FOLDER


def make_running(home: Home, run_dir: Path) -> None:
    """Let a run be one whose driver is gone, though its record says that it goes on."""
    record = read_run(run_dir).model_copy(update={"state": State.RUNNING, "process_started_s": 1.0})
    write_run(run_dir, record)
    tell_started(record, home)


def _model(home: Home, ref: str, licence: str) -> str:
    """Write a model of one file into the store, and return its digest."""
    weights = ref.encode()
    entry = FileEntry(path="model.safetensors", sha256=digest_of_bytes(weights), bytes=len(weights))
    draft = ModelManifest(ref=ref, licence=licence, files=(entry,), digest="0" * 64)
    manifest = draft.model_copy(update={"digest": draft.content_digest()})
    folder = home.models / manifest.digest
    folder.mkdir(parents=True, exist_ok=True)
    (folder / entry.path).write_bytes(weights)
    (folder / MARKER).write_text(canonical_json(manifest.model_dump(mode="json")) + "\n")
    return manifest.digest


def _result(
    folder: Path, stage: str, inputs: dict[str, str], models: dict[str, str], files: dict[str, str]
) -> Artifact:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    lineage = Lineage(
        stage=stage, key="1" * 64, code="2" * 64, settings=SETTINGS, inputs=inputs, models=models, sources={}
    )
    facts = FIGURES if stage == "evaluate_model" else {}
    counts = Counts(rows_in=4, rows_out=4, refused={})
    Draft(folder).close(kind=stage_named(stage).output, counts=counts, facts=facts, lineage=lineage)
    return open_artifact(folder)
