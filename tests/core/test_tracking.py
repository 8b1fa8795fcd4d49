"""What a real MLflow database knows after runs: nested runs, datasets with full digests, curves, the registry."""

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from components.core.contracts.artifacts import read_manifest
from components.core.home import Home
from components.core.logged_models import LOGGED_MODEL
from components.core.models.store import StoredModel
from components.core.registry import EVALUATION, EVALUATION_RUN, MODEL_NAME, Registry
from components.core.runs import (
    RunRecord,
    StageRecord,
    Standing,
    State,
    TrackingRecord,
    metrics_file,
    read_run,
    read_stage,
    read_tracking,
    stage_file,
    write_record,
    write_run,
)
from components.core.stages import STAGES
from components.core.tracking import RunTracking, end_abandoned
from pipelines.profiles import Profile, smoke
from tests.conftest import MODELS
from tests.pipelines.results import FIGURES, finish_stages, make_corpus, make_stage_record


@dataclass(frozen=True)
class Tracked:
    """A home whose MLflow was told of runs of one profile."""

    home: Home
    profile: Profile
    client: MlflowClient

    def run_dir(self, name: str) -> Path:
        return self.home.runs / name

    def parent(self, name: str) -> Run:
        tracking = read_tracking(self.run_dir(name))
        assert tracking is not None
        return self.client.get_run(tracking.mlflow_run_id)

    def nested(self, name: str) -> dict[str, Run]:
        parent = self.parent(name)
        query = f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
        found = self.client.search_runs([parent.info.experiment_id], query)
        return {run.info.run_name: run for run in found}

    def stage(self, name: str, stage: str) -> StageRecord:
        record = read_stage(self.run_dir(name), stage)
        assert record is not None
        return record


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory, encoder: StoredModel, llm: StoredModel) -> Iterator[Tracked]:
    """Two runs, the second reused whole; training wrote its curve while MLflow looked on."""
    root = tmp_path_factory.mktemp("tracked")
    profile = replace(smoke(), corpora=(make_corpus(root / "mine"),), encoder=encoder.ref, llm=llm.ref)
    home = Home(root / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESTA_MODELS", str(MODELS))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        tracked = Tracked(home, profile, MlflowClient(home.tracking_uri, home.tracking_uri))
        for name in ("first", "second"):
            tracking = _begin(tracked, name, patch)
            finish_stages(home, profile)
            _end(tracked, name, State.SUCCEEDED)
            tracking.register()
            tracking.close("FINISHED")
        yield tracked


def _begin(tracked: Tracked, name: str, patch: pytest.MonkeyPatch) -> RunTracking:
    run_dir = tracked.run_dir(name)
    patch.setenv("DESTA_RUN_DIR", str(run_dir))
    record = RunRecord(
        run_id=name,
        profile="smoke",
        state=State.RUNNING,
        pid=os.getpid(),
        process_started_s=0.0,
        started_s=time.time(),
        seconds=0.0,
        parameters=tracked.profile.parameters("rev"),
        data_revision="rev",
        code_version="c" * 64,
    )
    write_run(run_dir, record)
    tracking = RunTracking(tracked.home, run_dir)
    _write_curve(run_dir, ['{"step": 0, "loss": 4.0}\n{"step": 1, "lo', 'ss": 2.5}\n'], tracking)
    return tracking


def _write_curve(run_dir: Path, pieces: list[str], tracking: RunTracking) -> None:
    """Let training write in pieces that end in the middle of a line, with a look after each."""
    file = metrics_file(run_dir, "train_model")
    file.parent.mkdir(parents=True)
    running = make_stage_record(stage="train_model", started_s=time.time())
    write_record(stage_file(run_dir, "train_model"), running)
    for piece in pieces:
        with file.open("a") as lines:
            lines.write(piece)
        tracking.catch_up()


def _end(tracked: Tracked, name: str, state: State) -> None:
    record = read_run(tracked.run_dir(name))
    write_run(tracked.run_dir(name), record.model_copy(update={"state": state, "seconds": 1.5}))


def test_a_run_has_a_parent_and_a_nested_run_for_each_stage(tracked: Tracked) -> None:
    parent, nested = tracked.parent("first"), tracked.nested("first")
    assert parent.info.status == "FINISHED"
    assert set(nested) == {stage.name for stage in STAGES}
    assert {run.info.status for run in nested.values()} == {"FINISHED"}
    assert parent.data.tags["desta.profile"] == "smoke"
    assert parent.data.tags["desta.data_revision"] == "rev"
    assert parent.data.params["train_model.steps"] == str(tracked.profile.train_model.steps)
    assert parent.data.metrics["audio_gain"] == FIGURES["audio_gain"]


def test_a_stage_says_what_it_was_told_and_what_it_counted(tracked: Tracked) -> None:
    run = tracked.nested("first")["self_generate"]
    manifest = read_manifest(Path(tracked.stage("first", "self_generate").outputs["samples"].path))
    assert run.data.params["max_tokens"] == str(tracked.profile.self_generate.max_tokens)
    counts = {"rows_in": 5, "rows_out": 4, "refused.too_short": 1, "answers_found": 3, "answers_made": 2}
    assert {name: run.data.metrics[name] for name in counts} == counts
    assert "answers_made" not in tracked.nested("second")["self_generate"].data.metrics
    assert run.data.tags["desta.key"] == manifest.lineage.key
    assert run.data.tags["desta.code"] == manifest.lineage.code
    assert run.data.tags["desta.digest"] == manifest.digest
    assert run.data.tags["desta.model.llm"] == manifest.lineage.models["llm"]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_inputs_and_outputs_are_datasets_with_their_full_digests(tracked: Tracked, stage: object) -> None:
    stage = next(s for s in STAGES if s == stage)
    found = {
        (item.dataset.name, {tag.key: tag.value for tag in item.tags}["mlflow.data.context"]): item
        for item in tracked.nested("first")[stage.name].inputs.dataset_inputs
    }
    outputs = {maker.name: maker.output for maker in STAGES}
    wanted = {(word, "input"): (maker, outputs[maker]) for word, maker in stage.inputs.items()}
    wanted[(stage.output, "output")] = (stage.name, stage.output)
    for key, (maker, word) in wanted.items():
        digest = tracked.stage("first", maker).outputs[word].digest
        assert found[key].dataset.digest == digest[:36]
        assert json.loads(found[key].dataset.source)["sha256"] == digest
        assert {tag.key: tag.value for tag in found[key].tags}["sha256"] == digest
    assert ("mine", "input") in found if stage.reads_corpora else set(found) == set(wanted)


def test_the_curve_arrives_whole_though_it_was_written_in_pieces(tracked: Tracked) -> None:
    run = tracked.nested("first")["train_model"]
    assert [(m.step, m.value) for m in tracked.client.get_metric_history(run.info.run_id, "loss")] == [
        (0, 4.0),
        (1, 2.5),
    ]


def test_the_load_of_the_machine_is_logged_while_a_stage_runs(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.05")
    tracking = _begin(tracked, "watched", monkeypatch)
    deadline = time.monotonic() + 60
    while not (found := _system_metrics(tracked, "watched")) and time.monotonic() < deadline:
        time.sleep(0.05)
    _end(tracked, "watched", State.FAILED)
    tracking.close("FAILED")

    assert found >= {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"}
    assert not [thread for thread in threading.enumerate() if thread.name == "SystemMetricsMonitor"]


def _system_metrics(tracked: Tracked, name: str) -> set[str]:
    return {metric for metric in tracked.nested(name)["train_model"].data.metrics if metric.startswith("system/")}


def _artifacts(tracked: Tracked, run: Run, folder: str | None = None) -> set[str]:
    return {artifact.path for artifact in tracked.client.list_artifacts(run.info.run_id, folder)}


def test_documents_are_artifacts_of_the_run_that_made_them(tracked: Tracked) -> None:
    first, second = (tracked.nested(name)["validate_data"] for name in ("first", "second"))
    assert _artifacts(tracked, first) == {"manifest.json", "report.html"}
    assert _artifacts(tracked, second) == {"manifest.json"}
    assert second.data.tags["desta.reused"] == "true"


def test_the_rows_of_an_evaluation_are_artifacts_too(tracked: Tracked) -> None:
    run = tracked.nested("first")["evaluate_model"]
    assert _artifacts(tracked, run) == {"manifest.json", "report.html", "rows"}
    assert _artifacts(tracked, run, "rows") == {"rows/some.parquet"}


def test_a_version_names_its_evaluation_and_the_run_that_has_its_files(tracked: Tracked) -> None:
    tags = Registry(tracked.home).version("1").tags
    assert tags[EVALUATION] == tracked.stage("first", "evaluate_model").outputs["report"].digest
    assert tags[EVALUATION_RUN] == tracked.nested("first")["evaluate_model"].info.run_id
    assert tags["audio_gain"] == f"{FIGURES['audio_gain']:.4f}"


def test_a_version_without_files_of_its_evaluation_gets_them_from_a_run_that_reuses_it(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracked.client.delete_model_version_tag(MODEL_NAME, "1", EVALUATION_RUN)
    tracking = _begin(tracked, "third", monkeypatch)
    finish_stages(tracked.home, tracked.profile)
    _end(tracked, "third", State.SUCCEEDED)
    assert tracking.register().version == "1"
    tracking.close("FINISHED")
    run = tracked.nested("third")["evaluate_model"]
    assert Registry(tracked.home).version("1").tags[EVALUATION_RUN] == run.info.run_id
    assert _artifacts(tracked, run) == {"manifest.json", "report.html", "rows"}
    tracked.client.set_model_version_tag(
        MODEL_NAME, "1", EVALUATION_RUN, tracked.nested("first")["evaluate_model"].info.run_id
    )


def test_what_was_decided_about_the_champion_is_with_the_run(tracked: Tracked, monkeypatch: pytest.MonkeyPatch) -> None:
    tracking = _begin(tracked, "decided", monkeypatch)
    documents = tracked.run_dir("decided") / "champion"
    documents.mkdir()
    (documents / "report.html").write_text("<p>")
    finish_stages(tracked.home, tracked.profile)
    standing = Standing(version="7", reason="a: worse", refusals=("a: worse",))
    tracking.register()
    tracking.tell_champion(standing, documents)
    _end(tracked, "decided", State.REFUSED)
    tracking.close("FINISHED")

    parent, known = tracked.parent("decided"), read_tracking(tracked.run_dir("decided"))
    assert known is not None
    assert (known.champion, known.model and known.model.version) == (standing, "1")
    tags = {name: parent.data.tags[name] for name in ("desta.champion", "desta.champion.reason", "desta.state")}
    assert tags == {"desta.champion": "7", "desta.champion.reason": "a: worse", "desta.state": "refused"}
    assert _artifacts(tracked, parent, "champion") == {"champion/report.html"}


def test_a_model_that_passed_is_in_the_registry_once_with_its_lineage(tracked: Tracked) -> None:
    versions = tracked.client.search_model_versions(f"name = '{MODEL_NAME}'")
    assert len(versions) == 1
    digest = tracked.stage("first", "train_model").outputs["model"].digest
    assert versions[0].tags["desta.digest"] == digest
    assert (
        versions[0].tags["desta.input.accepted"] == tracked.stage("first", "validate_data").outputs["accepted"].digest
    )
    assert set(versions[0].tags) >= {"desta.model.encoder", "desta.model.llm", "desta.evaluation", "desta.run_id"}
    assert Path(versions[0].source.removeprefix("file://"), "manifest.json").is_file()
    assert f"- audio_gain: {FIGURES['audio_gain']:.4f}\n" in versions[0].description
    for name in ("first", "second"):
        known = read_tracking(tracked.run_dir(name))
        assert known is not None
        assert known.model is not None
        assert (known.model.version, known.model.digest) == ("1", digest)


def test_runs_models_and_versions_are_found_from_a_dataset_and_it_from_them(tracked: Tracked) -> None:
    """The searches that the README shows."""
    client, experiment = tracked.client, tracked.parent("first").info.experiment_id
    accepted = tracked.stage("first", "validate_data").outputs["accepted"].digest
    clips = tracked.stage("first", "ingest_audio").outputs["clips"].digest
    trained = tracked.nested("first")["train_model"].info.run_id

    runs = client.search_runs([experiment], f"dataset.name = 'accepted' and dataset.digest = '{accepted[:36]}'")
    assert trained in {run.info.run_id for run in runs}
    (version,) = client.search_model_versions(f"name = '{MODEL_NAME}' and tags.`desta.input.accepted` = '{accepted}'")
    assert (version.version, version.tags["desta.input.clips"]) == (1, clips)
    about = [{"dataset_name": "accepted", "dataset_digest": accepted[:36]}]
    (model,) = client.search_logged_models([experiment], "metrics.audio_gain > 0", about)
    (same,) = client.search_logged_models([experiment], f"tags.`desta.input.clips` = '{clips}'")
    assert model.model_id == same.model_id == Registry(tracked.home).version("1").tags[LOGGED_MODEL]
    assert (model.source_run_id, model.status.value) == (trained, "READY")
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": MODEL_NAME, "version": "1"}]
    assert [output.model_id for output in client.get_run(trained).outputs.model_outputs] == [model.model_id]
    assert not client.search_model_versions("tags.`desta.input.accepted` = 'nothing'")
    assert not client.search_logged_models([experiment], None, [{**about[0], "dataset_digest": "0" * 36}])


@pytest.mark.parametrize("status", ["FAILED", "KILLED"])
def test_a_run_that_did_not_end_well_leaves_nothing_open(
    tracked: Tracked, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracking = _begin(tracked, status, monkeypatch)
    _end(tracked, status, State.FAILED)
    tracking.close(status)
    assert tracked.parent(status).info.status == status
    assert tracked.nested(status)["train_model"].info.status == status


def test_what_a_killed_driver_left_open_is_ended_later(tracked: Tracked, monkeypatch: pytest.MonkeyPatch) -> None:
    _begin(tracked, "abandoned", monkeypatch)
    assert tracked.parent("abandoned").info.status == "RUNNING"
    left = read_tracking(tracked.run_dir("abandoned"))
    assert left is not None
    end_abandoned(tracked.home, left)
    assert tracked.parent("abandoned").info.status == "KILLED"
    assert tracked.nested("abandoned")["train_model"].info.status == "KILLED"


def test_a_run_that_mlflow_has_lost_is_no_obstacle(tracked: Tracked) -> None:
    end_abandoned(tracked.home, TrackingRecord(mlflow_run_id="0" * 32))


def test_a_run_that_another_opened_is_used_and_left_open(tracked: Tracked, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = tracked.parent("first").info.experiment_id
    outer = tracked.client.create_run(experiment).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", outer)
    tracking = _begin(tracked, "attached", monkeypatch)
    _end(tracked, "attached", State.FAILED)
    tracking.close("FAILED")
    assert tracked.parent("attached").info.run_id == outer
    assert tracked.client.get_run(outer).info.status == "RUNNING"
    assert tracked.nested("attached")["train_model"].info.status == "FAILED"
