"""`desta run --profile smoke` on the real corpora with the real models: what comes out, and what survives `kill -9`.

An undisturbed run in one home is compared with a run in another one that is killed in the middle of generation and of
training.
"""

import json
import math
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from mlflow.tracking import MlflowClient

from components.core.contracts.artifacts import open_artifact
from components.core.contracts.records import Clip, Description, Sample, Split
from components.core.models.store import ENCODER, LLM
from components.core.runs import run_dirs
from components.core.stages import STAGES
from pipelines.processes import processes_of
from pipelines.progress import StageView, views
from tests.desta_command import Desta

pytestmark = pytest.mark.timeout(1800)

NAMES = [stage.name for stage in STAGES]


def test_the_run_succeeds_with_every_row_accounted_for(undisturbed: tuple[Desta, Any]) -> None:
    _, status = undisturbed
    stages = status["stages"]
    assert status["state"] == "succeeded"
    assert [stages[name]["state"] for name in NAMES] == ["succeeded"] * 6
    assert not any(stages[name]["reused"] for name in NAMES)
    for stage in stages.values():
        assert stage["rows_in"] == stage["rows_out"] + sum(stage["refused"].values()) > 0
    assert stages["ingest_audio"]["rows_in"] == 24
    assert stages["extract_metadata"]["rows_in"] == stages["ingest_audio"]["rows_out"]
    assert stages["self_generate"]["rows_out"] == 2 * stages["extract_metadata"]["rows_out"]
    assert stages["validate_data"]["rows_in"] == stages["self_generate"]["rows_out"]
    assert status["data_revision"].startswith("dvc:")


def test_every_answer_leads_back_to_a_clip_and_its_description(undisturbed: tuple[Desta, Any]) -> None:
    command, status = undisturbed
    outputs = {kind: o["path"] for stage in status["stages"].values() for kind, o in stage["outputs"].items()}
    clips = {clip.clip_id: clip for clip in open_artifact(Path(outputs["clips"]), "clips").read(Clip)}
    described = open_artifact(Path(outputs["descriptions"]), "descriptions").read(Description)
    descriptions = {description.clip_id: description for description in described}
    samples = command.samples(status)
    assert {clip.domain for clip in clips.values()} == {"speech", "sound", "music"}
    assert {clip.split for clip in clips.values()} == set(Split)
    assert set(clips) == set(descriptions)
    assert len({sample.sample_id for sample in samples}) == len(samples)
    assert all(sample.seed_description == descriptions[sample.clip_id].seed_description for sample in samples)
    assert all(sample.split is clips[sample.clip_id].split for sample in samples)
    assert len({sample.generator for sample in samples}) == 1
    accepted = {s.sample_id for s in open_artifact(Path(outputs["accepted"]), "accepted").read(Sample)}
    assert accepted <= {sample.sample_id for sample in samples}
    assert len(accepted) == status["stages"]["validate_data"]["rows_out"]


def test_the_evaluation_gives_figures_and_the_gate_registers_the_model(undisturbed: tuple[Desta, Any]) -> None:
    _, status = undisturbed
    metrics = status["metrics"]
    assert all(math.isfinite(value) for value in metrics.values())
    # Whether six steps help with clips that were never heard is chance; that they change something is not.
    assert metrics["ppl_trained"] != metrics["ppl_untrained"]
    assert metrics["audio_gain_low"] <= metrics["audio_gain"] <= metrics["audio_gain_high"]
    assert math.isclose(
        math.log(metrics["ppl_wrong_clip"] / metrics["ppl_trained"]), metrics["audio_gain"], abs_tol=1e-6
    )
    assert status["gate"] == {"passed": True, "reasons": []}
    digest = status["stages"]["train_model"]["outputs"]["model"]["digest"]
    assert status["model"] == {"name": "desta-adapter", "version": "1", "digest": digest}


def test_mlflow_tells_the_same_story(undisturbed: tuple[Desta, Any]) -> None:
    command, status = undisturbed
    uri = command.home.tracking_uri
    client = MlflowClient(uri, uri)
    parent = client.get_run(status["mlflow_run_id"])
    query = f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    nested = {run.info.run_name: run for run in client.search_runs([parent.info.experiment_id], query)}
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["desta.data_revision"] == status["data_revision"]
    assert set(nested) == set(NAMES)
    for name, run in nested.items():
        outputs = status["stages"][name]["outputs"]
        assert run.data.tags["desta.digest"] in {output["digest"] for output in outputs.values()}
    assert parent.data.metrics["audio_gain"] == pytest.approx(status["metrics"]["audio_gain"])
    curve = client.get_metric_history(nested["train_model"].info.run_id, "loss")
    assert [point.step for point in curve] == list(range(6))
    version = client.get_model_version("desta-adapter", "1")
    assert version.tags["desta.digest"] == status["model"]["digest"]
    assert version.run_id == nested["train_model"].info.run_id


def test_the_run_ended_with_a_bundle_that_verifies_and_names_its_materials(undisturbed: tuple[Desta, Any]) -> None:
    command, status = undisturbed
    verified = {each["name"]: each for each in command.json("verify", "--bundle", status["run_id"])["verified"]}
    assert list(verified) == ["signature", "manifests", "journal", "run"]
    bundle = command.home.runs / status["run_id"] / "bundle"
    text = (bundle / "bom.cdx.json").read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bom = {component["name"]: component for component in json.loads(text)["components"]}
    assert bom["desta-adapter"]["hashes"][0]["content"] == status["model"]["digest"]
    assert "modelCard" in bom["desta-adapter"]
    licences = {
        name: [entry["license"]["id"] for entry in bom[name]["licenses"]] for name in (LLM, ENCODER, "asterisk-en")
    }
    assert licences == {LLM: ["Apache-2.0"], ENCODER: ["MIT"], "asterisk-en": ["CC-BY-SA-3.0"]}
    assert bom["torch"]["purl"].startswith("pkg:pypi/torch@")
    assert {file.name for file in bundle.iterdir()} >= {"validation.json", "dataset_card.md", "model_card.md"}
    for sample in command.samples(status):
        assert not [file for file in bundle.rglob("*.*") if sample.clip_id in file.read_text("utf-8")]


def test_the_journal_tells_of_the_run_and_of_its_champion(undisturbed: tuple[Desta, Any]) -> None:
    command, status = undisturbed
    told = [entry for entry in command.json("log") if entry["facts"].get("run_id") == status["run_id"]]
    assert [entry["event"] for entry in told] == ["run_started", "champion_changed", "run_ended"]
    assert told[1]["facts"]["version"] == status["model"]["version"]
    results = {kind: o["digest"] for stage in status["stages"].values() for kind, o in stage["outputs"].items()}
    assert (told[2]["facts"]["state"], told[2]["facts"]["results"]) == ("succeeded", results)


def test_a_second_run_reuses_everything_and_takes_seconds(undisturbed: tuple[Desta, Any]) -> None:
    command, first = undisturbed
    plan = command.json("plan", "--profile", "smoke")["stages"]
    assert {stage["action"] for stage in plan.values()} == {"reuse"}
    second = command.run()
    assert second["state"] == "succeeded"
    assert all(stage["reused"] for stage in second["stages"].values())
    assert second["seconds"] < first["seconds"] / 2
    for name in NAMES:
        assert second["stages"][name]["outputs"] == first["stages"][name]["outputs"]
    assert second["model"] == first["model"]
    assert [run["run_id"] for run in command.json("runs")] == [second["run_id"], first["run_id"]]


def test_a_flipped_byte_in_a_result_stops_the_next_run_and_names_the_file(undisturbed: tuple[Desta, Any]) -> None:
    command, status = undisturbed
    kept = Path(status["stages"]["ingest_audio"]["outputs"]["clips"]["path"]) / "part-00000.parquet"
    content = kept.read_bytes()
    kept.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    process = command.start("run", "--profile", "smoke")
    _, said = process.communicate()
    kept.write_bytes(content)
    assert process.returncode == 1
    assert f"{kept}: content changed since it was written" in said.splitlines()[-1]


def test_killed_in_generation_and_in_training_it_resumes_and_ends_with_the_same(
    undisturbed: tuple[Desta, Any], desta: Callable[[], Desta]
) -> None:
    command, (reference, wanted) = desta(), undisturbed
    for stage in ("ingest_audio", "extract_metadata"):
        shutil.copytree(reference.home.store / stage, command.home.store / stage)

    # The answers of a batch are kept when all of it is there: the first 16 are when the 17th is counted.
    generated = _killed_in(command, "self_generate", "answers", done=20, whole=False)
    trained = _killed_in(command, "train_model", "steps", done=3, whole=True)
    ended = command.run()

    assert generated.first == 0
    assert trained.resumed_generation_at >= 16
    assert ended["stages"]["self_generate"]["reused"]
    assert _first(command, "train_model") >= 2
    assert [s.sample_id for s in command.samples(ended)] == [s.sample_id for s in reference.samples(wanted)]
    for name in NAMES:
        assert ended["stages"][name]["outputs"].keys() == wanted["stages"][name]["outputs"].keys()
        for kind, output in ended["stages"][name]["outputs"].items():
            assert output["digest"] == wanted["stages"][name]["outputs"][kind]["digest"]
    runs = command.json("runs")
    assert [run["state"] for run in runs] == ["succeeded", "failed", "failed"]
    client = MlflowClient(command.home.tracking_uri, command.home.tracking_uri)
    assert [client.get_run(run["mlflow_run_id"]).info.status for run in runs] == ["FINISHED", "KILLED", "KILLED"]


def test_a_study_compares_ways_to_train_on_the_samples_of_the_run(
    undisturbed: tuple[Desta, Any], tmp_path: Path
) -> None:
    """One condition that ends well, and one whose samples do not fit: the first is not lost."""
    command, _ = undisturbed
    file, folder = tmp_path / "two.yaml", tmp_path / "found"
    base = "base: {steps: 2, batch: 2, warmup_steps: 1, validate_every: 1, validation_samples: 4}"
    file.write_text(f"{base}\nconditions: [{{name: as it is}}, {{name: too narrow, set: {{window_tokens: 9}}}}]\n")

    study = command.start("study", "adapter", f"--file={file}", f"--to={folder}", "--json")
    out, err = study.communicate()

    assert study.returncode == 1, err
    assert out, err
    (finding,), (failure,) = json.loads(out)["findings"], json.loads(out)["failures"]
    assert finding["condition"] == "as it is"
    assert finding["audio_gain_low"] <= finding["audio_gain"] <= finding["audio_gain_high"]
    assert [look["step"] for look in finding["looks"]] == [1, 2]
    assert all(math.isfinite(look["audio_gain"]) for look in finding["looks"])
    assert failure == {
        "condition": "too narrow",
        "changes": {"window_tokens": 9},
        "error": "train_model ended with code 1",
    }
    assert {file.name for file in folder.iterdir() if file.is_file()} == {
        "findings.json",
        "findings.md",
        "audio_gain.png",
    }


@dataclass(frozen=True)
class Killed:
    """Where the stage that was killed had begun, and where generation had begun in that run."""

    first: int
    resumed_generation_at: int


def _killed_in(command: Desta, stage: str, unit: str, *, done: int, whole: bool) -> Killed:
    """Start a run, kill it when a stage has done so many units, and wait until nothing of it is left.

    `whole` kills the driver and all its children at once; otherwise the children have to notice by themselves.
    """
    driver = command.start("run", "--profile", "smoke")
    try:
        view = _wait_for(command, driver, stage, unit, done)
        run_dir = run_dirs(command.home.runs)[0]
        generation = next(v for v in views(run_dir) if v.name == "self_generate")
        driver.send_signal(signal.SIGKILL)
        if whole:
            for process in processes_of(run_dir):
                process.kill()
        driver.communicate()
        _until(lambda: not list(processes_of(run_dir)), seconds=10)
        status = command.json("status")
        assert status["state"] == "failed"
        assert status["stages"][stage]["state"] == "failed"
        assert view.reading is not None
        assert generation.reading is not None
        return Killed(first=view.reading.first, resumed_generation_at=generation.reading.first)
    finally:
        driver.kill()
        driver.wait()


def _wait_for(command: Desta, driver: subprocess.Popen[str], stage: str, unit: str, done: int) -> StageView:
    deadline = time.monotonic() + 900
    while time.monotonic() < deadline:
        assert driver.poll() is None, driver.communicate()[1]
        for run_dir in run_dirs(command.home.runs)[:1]:
            view = next(view for view in views(run_dir) if view.name == stage)
            running = view.record is not None and view.record.state == "running"
            if running and view.reading is not None and view.reading.unit == unit and view.reading.done >= done:
                return view
        time.sleep(0.1)
    pytest.fail(f"{stage} never came as far as {done}")


def _first(command: Desta, stage: str) -> int:
    view = next(view for view in views(run_dirs(command.home.runs)[0]) if view.name == stage)
    assert view.reading is not None
    return view.reading.first


def _until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.1)
