"""A run whose tasks were pods leaves the record that a run on one machine leaves, once, whatever was killed."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from components.core.contracts.errors import ConfigurationError, GateRefused, SourceError
from components.core.home import Home
from components.core.models.store import StoredModel
from components.core.registry import Registry
from components.core.runs import (
    State,
    read_failure,
    read_run,
    read_stage,
    stage_file,
    write_failure,
    write_record,
    write_run,
)
from components.core.stages import STAGES
from components.core.tracking import RunTracking
from pipelines import beginning, conclusion, succession
from pipelines.bundle.sealing import FOLDER
from pipelines.bundle.signing import signing_key
from pipelines.bundle.verification import verify_bundle
from pipelines.champion import champion_of
from pipelines.cluster import recording
from pipelines.cluster.recording import close
from pipelines.ending import INTERRUPTED
from pipelines.erasure.transaction import erasing
from pipelines.journal import Event, read_journal
from pipelines.lineage.catalogue import read_catalogue
from pipelines.openlineage.telling import events_file
from pipelines.profiles import smoke
from pipelines.revision import data_revision
from pipelines.run import _recover
from pipelines.status import status_of
from tests.pipelines.cluster.pods import Pods
from tests.pipelines.results import make_corpus, make_run_record

NAMES = [stage.name for stage in STAGES]


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's tables with nothing in them, which take seconds to make."""
    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def pods(
    home: Home,
    empty_database: Path,
    tmp_path: Path,
    encoder: StoredModel,
    llm: StoredModel,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Pods:
    for variable in ("MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI", "OPENLINEAGE_URL", "DESTA_SIGNING_KEY"):
        monkeypatch.delenv(variable, raising=False)
    home.root.mkdir()
    shutil.copy(empty_database, home.root)
    profile = replace(smoke(), corpora=(make_corpus(tmp_path / "sounds"),), encoder=encoder.ref, llm=llm.ref)
    return Pods(home, profile, monkeypatch, capsys)


def parents(home: Home) -> list[Run]:
    client = MlflowClient(home.tracking_uri, home.tracking_uri)
    runs = client.search_runs([client.get_experiment_by_name("desta").experiment_id])
    return [run for run in runs if "mlflow.parentRunId" not in run.data.tags]


def journal(home: Home) -> list[Event]:
    return [entry.event for entry in read_journal(home)]


def events(home: Home, run_id: str) -> list[tuple[str, str]]:
    lines = map(json.loads, events_file(home.runs / run_id).read_text().splitlines())
    return [(line["job"]["name"], line["eventType"]) for line in lines]


def left_by(home: Home, run_id: str) -> dict[str, Any]:
    """Everything of a run that a second end of it could change."""
    files = [file for file in (home.runs / run_id).rglob("*") if file.is_file()]
    registry = Registry(home)
    return {
        "files": {str(file): file.read_bytes() for file in files},
        "journal": (home.root / "journal.jsonl").read_bytes(),
        "mlflow": [(run.info.status, run.data.metrics, run.data.tags) for run in parents(home)],
        "registry": (len(registry.versions()), registry.champion, registry.history),
    }


def check_whole(pods: Pods, run_id: str = "r1") -> None:
    """See that a run is closed in every place, once."""
    home, run_dir = pods.home, pods.home.runs / run_id
    assert read_run(run_dir).state is State.SUCCEEDED
    (parent,) = parents(home)
    assert (parent.info.status, parent.data.tags["desta.state"]) == ("FINISHED", "succeeded")
    assert [version.version for version in Registry(home).versions()] == [1]
    assert champion_of(home).version == "1"
    assert len(Registry(home).history) == 1
    assert journal(home) == [Event.RUN_STARTED, Event.CHAMPION_CHANGED, Event.RUN_ENDED]
    assert len(list(verify_bundle(run_dir / FOLDER, None, home))) == 4
    told = events(home, run_id)
    assert len(set(told)) == len(told) == 2 * (len(NAMES) + 1)


def test_a_run_leaves_the_record_that_a_run_on_one_machine_leaves(pods: Pods) -> None:
    revision = data_revision(pods.profile.corpora, pods.home)
    assert pods.begin("r1") == revision
    assert status_of(pods.home.runs / "r1").state is State.RUNNING
    (parent,) = parents(pods.home)
    assert parent.info.status == "RUNNING"
    pods.stages("r1")
    word, code = pods.end("r1")
    assert (word.state, word.exit_code, word.error, code) == (State.SUCCEEDED, 0, None, 0)
    check_whole(pods)

    record = read_run(pods.home.runs / "r1")
    assert record.parameters == pods.profile.parameters(revision)
    assert (record.profile, record.cluster, record.code_version) == ("smoke", "laptop", "c0de")
    status = status_of(pods.home.runs / "r1")
    assert [stage.state for stage in status.stages.values()] == ["succeeded"] * 6
    assert (status.model["version"], status.champion["version"], status.gate.passed) == ("1", "1", True)
    catalogue = read_catalogue(pods.home, pods.home.root)
    assert [run.record.run_id for run in catalogue.runs] == ["r1"]
    bundle = pods.home.runs / "r1" / FOLDER
    assert {"pipeline.yaml", "code.json", "environment.json", "bom.cdx.json"} <= {
        file.name for file in bundle.iterdir()
    }


def test_a_second_attempt_of_the_first_and_of_the_last_task_changes_nothing(pods: Pods) -> None:
    revision = pods.begin("r1")
    assert pods.begin("r1") == revision
    pods.stages("r1")
    first = pods.end("r1")
    before = left_by(pods.home, "r1")
    assert pods.end("r1") == first
    assert left_by(pods.home, "r1") == before
    check_whole(pods)


class Killed(BaseException):
    """Takes the place of a kill: nothing in the product catches it."""


def _killed(*_: Any, **__: Any) -> None:
    raise Killed


def killed_at(pods: Pods, place: Any, name: str, task: Callable[[str], Any]) -> None:
    with pods.patch.context() as patch:
        patch.setattr(place, name, _killed)
        with pytest.raises(Killed):
            task("r1")


FIRST_TASK = ((beginning, "tell_started"), (recording, "compile_alignment"), (recording, "RunTracking"))
LAST_TASK = (
    (RunTracking, "register"),
    (succession, "decide"),
    (Registry, "move"),
    (RunTracking, "tell_champion"),
    (conclusion, "keep_ending"),
    (RunTracking, "close"),
    (conclusion, "write_bundle"),
    (conclusion, "show_in_mlflow"),
    (conclusion, "tell_ended"),
)


def test_killed_at_one_step_after_the_other_both_tasks_are_finished_by_their_next_attempts(pods: Pods) -> None:
    for place, name in FIRST_TASK:
        killed_at(pods, place, name, pods.begin)
    pods.begin("r1")
    pods.stages("r1")
    for place, name in LAST_TASK:
        killed_at(pods, place, name, pods.end)
    word, code = pods.end("r1")
    assert (word.state, code) == (State.SUCCEEDED, 0)
    check_whole(pods)


def test_a_gate_that_stops_the_run_is_a_refusal_and_nothing_is_registered(pods: Pods) -> None:
    pods.begin("r1")
    with pytest.raises(GateRefused):
        pods.stages("r1", {"validate_data": ("gates.min_acceptance: 0.1",)})
    word, code = pods.end("r1", "FAILED", "validate-data failed")
    assert (word.state, word.exit_code, code) == (State.REFUSED, 3, 0)
    assert word.error == "validate_data: gates.min_acceptance: 0.1"
    assert read_run(pods.home.runs / "r1").state is State.REFUSED
    assert Registry(pods.home).versions() == []
    assert len(list(verify_bundle(pods.home.runs / "r1" / FOLDER, None, pods.home))) == 4
    assert [run.info.status for run in parents(pods.home)] == ["FINISHED"]


def test_a_model_that_its_evaluation_refuses_is_a_refusal_though_every_task_ended_well(pods: Pods) -> None:
    word, code = pods.run("r1", {"evaluate_model": ("minimum.audio_gain: -0.1",)})
    assert (word.exit_code, word.error, code) == (3, "evaluate_model: minimum.audio_gain: -0.1", 0)
    assert journal(pods.home) == [Event.RUN_STARTED, Event.RUN_ENDED]


def test_a_model_that_does_not_replace_the_champion_is_a_refusal(pods: Pods) -> None:
    pods.run("r1")
    pods.patch.setattr(succession, "_refusals", lambda *_: ("accuracy: 0.4 beside 0.6",))
    word, code = pods.of_corpus("others").run("r2")
    assert (word.exit_code, code) == (3, 0)
    assert word.error == "champion: version 1 stays: accuracy: 0.4 beside 0.6"
    assert [version.version for version in Registry(pods.home).versions()] == [2, 1]
    assert champion_of(pods.home).version == "1"


def test_what_an_attempt_said_that_was_mended_is_not_what_a_later_stage_died_of(pods: Pods) -> None:
    pods.begin("r1")
    run_dir = pods.home.runs / "r1"
    with pods.patch.context() as patch:
        patch.setenv("DESTA_RUN_ID", "r1")
        write_failure(SourceError("ingest_audio: the volume was away"))
    pods.stages("r1")
    assert read_failure(run_dir) is None
    evaluated = read_stage(run_dir, "evaluate_model")
    assert evaluated is not None
    write_record(stage_file(run_dir, "evaluate_model"), evaluated.model_copy(update={"state": State.RUNNING}))
    word, code = pods.end("r1", "FAILED", "OOMKilled")
    assert (word.state, word.exit_code, code) == (State.FAILED, 1, 0)
    assert word.error is not None
    assert word.error.startswith("evaluate_model: its process ended without a word")
    assert word.error.endswith("Kubeflow: OOMKilled")


def test_a_cancelled_run_was_interrupted(pods: Pods) -> None:
    pods.begin("r1")
    word, _ = pods.end("r1", "CANCELLED")
    assert (word.exit_code, word.error) == (130, INTERRUPTED.error)
    assert [run.info.status for run in parents(pods.home)] == ["KILLED"]
    assert events(pods.home, "r1") == [("alignment", "START"), ("alignment", "ABORT")]


def test_a_run_that_kubeflow_lost_is_closed_by_hand_and_until_then_nothing_is_erased(pods: Pods) -> None:
    pods.begin("r1")
    with pytest.raises(ConfigurationError, match="run r1 on laptop is under way"), erasing(pods.home, pods.home.root):
        pytest.fail("an erasure began beside a run")
    assert close("r1", pods.home) == INTERRUPTED
    with erasing(pods.home, pods.home.root):
        assert read_run(pods.home.runs / "r1").state is State.FAILED
    word, _ = pods.end("r1", "FAILED")
    assert (word.exit_code, word.error) == (130, INTERRUPTED.error)


def test_a_run_of_this_machine_neither_closes_nor_seals_one_that_goes_on_on_a_cluster(pods: Pods) -> None:
    pods.begin("r1")
    assert _recover(pods.home, signing_key(pods.home), None) == []
    pods.stages("r1")
    assert pods.end("r1")[0].state is State.SUCCEEDED
    check_whole(pods)


def test_what_ran_here_is_not_closed_as_a_run_on_a_cluster(pods: Pods) -> None:
    write_run(pods.home.runs / "r1", make_run_record(state=State.RUNNING))
    with pytest.raises(ConfigurationError, match="run r1: was none on a cluster"):
        close("r1", pods.home)


def test_what_could_not_be_concluded_fails_the_task_though_all_stages_succeeded(pods: Pods) -> None:
    pods.begin("r1")
    pods.stages("r1")
    with pods.patch.context() as patch:
        patch.setattr(RunTracking, "register", _unreachable)
        word, code = pods.end("r1")
    assert (word.state, word.exit_code, code) == (State.FAILED, 1, 1)
    assert pods.end("r1") == (word, 1)
    assert journal(pods.home) == [Event.RUN_STARTED, Event.RUN_ENDED]


def _unreachable(_: RunTracking) -> None:
    raise OSError("MLflow is away")


def test_data_that_pods_do_not_find_are_refused_before_the_run_begins(pods: Pods) -> None:
    with pytest.raises(
        ConfigurationError, match=r"data revision corpora:abc: pods find corpora:[0-9a-f]{64} in .*sounds"
    ):
        pods.begin("r1", data_revision="corpora:abc")
    word, code = pods.end("r1", "FAILED", "open-run failed")
    assert (word.error, code) == ("the run did not begin: open-run failed", 0)
    assert not (pods.home.runs / "r1").exists()


def test_the_latest_data_are_those_that_pods_find(pods: Pods) -> None:
    assert pods.begin("r1", data_revision="latest") == data_revision(pods.profile.corpora, pods.home)
    assert read_run(pods.home.runs / "r1").data_revision.startswith("corpora:")


def test_a_run_that_kubeflow_opened_in_mlflow_is_told_and_left_for_kubeflow_to_end(pods: Pods) -> None:
    client = MlflowClient(pods.home.tracking_uri)
    experiment = client.create_experiment("desta", (pods.home.root / "mlartifacts").as_uri())
    theirs = client.create_run(experiment).info.run_id
    pods.patch.setenv("MLFLOW_RUN_ID", theirs)
    pods.run("r1")
    (run,) = parents(pods.home)
    assert (run.info.run_id, run.info.status, run.data.tags["desta.state"]) == (theirs, "RUNNING", "succeeded")


def test_stages_that_kubeflow_skipped_have_the_record_of_the_run_that_did_them(pods: Pods) -> None:
    keys = {name: name[0] * 64 for name in NAMES}
    pods.begin("r1")
    pods.stages("r1")
    pods.end("r1", keys=keys)
    for run_id in ("r2", "r3", "r4"):
        pods.begin(run_id)
    word, _ = pods.end("r2", keys=keys)
    assert word.state is State.SUCCEEDED
    first, second = (status_of(pods.home.runs / run_id) for run_id in ("r1", "r2"))
    assert all(stage.reused and stage.seconds == 0 for stage in second.stages.values())
    assert [stage.outputs for stage in second.stages.values()] == [stage.outputs for stage in first.stages.values()]
    assert len(list(verify_bundle(pods.home.runs / "r2" / FOLDER, None, pods.home))) == 4
    word, _ = pods.end("r3", keys={**keys, "evaluate_model": "0" * 64})
    assert (word.state, word.error) == (State.FAILED, "evaluate_model: left no record; its pod knew of no run")
    pods.end("r4", "FAILED", keys=keys)
    assert {stage.state for stage in status_of(pods.home.runs / "r4").stages.values()} == {"pending"}


def test_two_runs_at_once_end_each_with_its_own_record(pods: Pods) -> None:
    others = pods.of_corpus("others")
    pods.patch.setattr(succession, "_refusals", lambda *_: ())
    for each, run_id in ((pods, "r1"), (others, "r2")):
        each.begin(run_id)
    for each, run_id in ((others, "r2"), (pods, "r1")):
        each.stages(run_id)
    assert [each.end(run_id)[0].exit_code for each, run_id in ((pods, "r1"), (others, "r2"))] == [0, 0]
    assert champion_of(pods.home).version == "2"
    for run_id in ("r1", "r2"):
        assert len(list(verify_bundle(pods.home.runs / run_id / FOLDER, None, pods.home))) == 4
    assert {version.tags["desta.digest"] for version in Registry(pods.home).versions()} == {
        status_of(pods.home.runs / run_id).model["digest"] for run_id in ("r1", "r2")
    }
