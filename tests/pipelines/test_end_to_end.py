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
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from mlflow.tracking import MlflowClient

from components.core.contracts.artifacts import open_artifact
from components.core.contracts.records import Answer, Clip, Description, Sample, Split
from components.core.models.store import ENCODER, LLM
from components.core.runs import run_dirs
from components.core.stages import STAGES
from pipelines.lineage.catalogue import read_catalogue
from pipelines.lineage.choice import By, Choice
from pipelines.lineage.impact import Impact, impact_in
from pipelines.lineage.nodes import Kind
from pipelines.lineage.why import Lineage
from pipelines.openlineage.facets import GENERATOR
from pipelines.openlineage.telling import events_file
from pipelines.processes import processes_of
from pipelines.progress import StageView, views
from tests.desta_command import Desta
from tests.pipelines.openlineage.validation import check

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


def test_the_run_told_its_lineage_whole_and_valid(undisturbed: tuple[Desta, Any]) -> None:
    command, status = undisturbed
    events = [json.loads(line) for line in events_file(command.home.runs / status["run_id"]).read_text().splitlines()]
    for event in events:
        check(event)
    inside = [(kind, f"alignment.{name}") for name in NAMES for kind in ("START", "COMPLETE")]
    told = [(event["eventType"], event["job"]["name"]) for event in events]
    assert told == [("START", "alignment"), *inside, ("COMPLETE", "alignment")]
    versions = {o["name"]: o["facets"]["version"]["datasetVersion"] for event in events for o in event["outputs"]}
    assert versions == {
        kind: o["digest"] for stage in status["stages"].values() for kind, o in stage["outputs"].items()
    }
    (samples,) = (output for event in events for output in event["outputs"] if output["name"] == "samples")
    assert samples["facets"][GENERATOR]["weights"] == command.samples(status)[0].generator.weights


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


def test_every_accepted_sample_is_traced_in_both_directions_with_no_gap(undisturbed: tuple[Desta, Any]) -> None:
    command, status = undisturbed
    outputs = {kind: o for stage in status["stages"].values() for kind, o in stage["outputs"].items()}
    rows = _Rows(*(Path(outputs[kind]["path"]) for kind in ("clips", "samples", "accepted", "report")))
    # Nothing that is published in this checkout is part of this home's story.
    lineage = Lineage(read_catalogue(command.home, command.home.root))
    named = {kind: output["digest"] for kind, output in outputs.items()}
    for sample in rows.accepted:
        trace, clip = lineage.why(sample.sample_id), rows.clips[sample.clip_id]
        assert not trace.gaps
        assert {step.kind for step in trace.steps} >= set(Kind) - {Kind.FROZEN_MODEL, Kind.PUBLISHED, Kind.ANSWER}
        assert [step.id for step in trace.of(Kind.FILE)] == [clip.source.sha256]
        assert {step.id for step in trace.of(Kind.DATASET)} == {
            named[kind] for kind in ("clips", "descriptions", "samples", "accepted")
        }
        assert [step.id for step in trace.of(Kind.MODEL)] == [named["model"]]
        assert (trace.of(Kind.MODEL)[0].facts["this one"] == "learned from it") == (sample.split is Split.TRAIN)
        assert [step.id for step in trace.of(Kind.EVALUATION)] == [named["report"]]
        assert [step.id for step in trace.of(Kind.RUN)] == [status["run_id"]]
        answered = [answer.sample_id for answer in rows.answers if answer.sample_id == sample.sample_id]
        assert [step.id.rpartition("/")[2] for step in trace.of(Kind.ANSWER)] == answered
    for choice, clips, samples in rows.choices():
        _check_impact(impact_in(lineage.catalogue, choice), rows, clips, samples)


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
    last = [events_file(run_dir).read_text().splitlines()[-1] for run_dir in run_dirs(command.home.runs)]
    assert [json.loads(line)["eventType"] for line in last] == ["COMPLETE", "ABORT", "ABORT"]


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


class _Rows:
    """All rows of a run, read by plain Python."""

    def __init__(self, clips: Path, samples: Path, accepted: Path, report: Path) -> None:
        self.clips = {clip.clip_id: clip for clip in open_artifact(clips).read(Clip)}
        self.samples = list(open_artifact(samples).read(Sample))
        self.accepted = list(open_artifact(accepted).read(Sample))
        self.answers = list(open_artifact(report).read(Answer))

    def choices(self) -> Iterator[tuple[Choice, set[str], list[Sample]]]:
        """Yield every choice that takes something, with the clips and the samples that it takes."""
        by_clip = [(By.CLIP, clip_id, {clip_id}) for clip_id in self.clips]
        told: list[tuple[By, Callable[[Clip], str | None]]] = [
            (By.SPEAKER, lambda clip: clip.speaker_id),
            (By.LICENCE, lambda clip: clip.licence),
            (By.SOURCE, lambda clip: clip.source.corpus),
            (By.SOURCE, lambda clip: clip.source.sha256),
        ]
        for by, of in told:
            values = {value for clip in self.clips.values() if (value := of(clip)) is not None}
            by_clip += [(by, v, {i for i, clip in self.clips.items() if of(clip) == v}) for v in sorted(values)]
        for by, value, clips in by_clip:
            samples = [sample for sample in self.samples if sample.clip_id in clips]
            yield Choice(by=by, values=(value,)), clips, samples
        for prompt_id in sorted({sample.prompt_id for sample in self.samples}):
            samples = [sample for sample in self.samples if sample.prompt_id == prompt_id]
            yield Choice(by=By.PROMPT, values=(prompt_id,)), {s.clip_id for s in samples}, samples
        weights = self.samples[0].generator.weights
        yield Choice(by=By.LLM, values=(weights,)), {s.clip_id for s in self.samples}, self.samples


def _check_impact(found: Impact, rows: _Rows, clips: set[str], samples: list[Sample]) -> None:
    ids = {sample.sample_id for sample in samples}
    accepted = [sample for sample in rows.accepted if sample.sample_id in ids]
    counted = {dataset.kind: dataset for dataset in found.datasets}
    assert (found.clips, found.samples, found.generations) == (len(clips), len(ids), len(ids)), found
    assert counted["samples"].rows == len(ids)
    assert counted["accepted"].splits == Counter(sample.split.value for sample in accepted)
    assert sum(counted["accepted"].refused.values()) == len(ids) - len(accepted)
    if found.by not in (By.PROMPT, By.LLM):
        assert counted["clips"].rows == counted["descriptions"].rows == len(clips)
        heard = [evaluation.as_wrong_clip for evaluation in found.evaluations]
        assert sum(heard) == sum(answer.wrong_clip_id in clips for answer in rows.answers)
    learned = sum(sample.split is Split.TRAIN for sample in accepted)
    assert [(model.learned_from, model.champion) for model in found.models] == ([(learned, True)] if accepted else [])
    answered = sum(answer.sample_id in ids for answer in rows.answers)
    assert sum(evaluation.answers for evaluation in found.evaluations) == answered


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
