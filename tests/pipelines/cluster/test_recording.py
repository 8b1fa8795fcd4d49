"""A run whose tasks were pods leaves the record that a run on one machine leaves, once, whatever was killed."""

from collections.abc import Callable
from typing import Any

import pytest

from components.core.contracts.errors import GateRefused, SourceError
from components.core.registry import Registry
from components.core.runs import (
    State,
    read_failure,
    read_run,
    read_stage,
    stage_file,
    write_failure,
    write_record,
)
from components.core.tracking import RunTracking
from pipelines import beginning, conclusion, succession
from pipelines.bundle.sealing import FOLDER
from pipelines.bundle.verification import verify_bundle
from pipelines.champion import champion_of
from pipelines.cluster import recording
from pipelines.cluster.devices import held
from pipelines.cluster.profile import cluster_at
from pipelines.cost.bill import bill_of
from pipelines.cost.rates import rate_card
from pipelines.ending import INTERRUPTED
from pipelines.journal import Event
from pipelines.lineage.catalogue import read_catalogue
from pipelines.revision import data_revision
from pipelines.status import status_of
from tests.pipelines.cluster.left import check_whole, events, journal, left_by, parents
from tests.pipelines.cluster.pods import Pods


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
    bill, laptop = bill_of(pods.home.runs / "r1", rate_card(None, pods.home)), cluster_at("laptop")
    hours = [stage.seconds * held(name, laptop).count / 3600 for name, stage in status.stages.items()]
    assert [stage.device_hours for stage in bill.usage.stages] == pytest.approx(hours)
    assert bill.money is not None
    bundle = pods.home.runs / "r1" / FOLDER
    assert {"pipeline.yaml", "code.json", "environment.json", "devices.json", "bom.cdx.json"} <= {
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


FIRST_TASK: tuple[tuple[Any, str], ...] = (
    (beginning, "tell_started"),
    (recording, "_compile"),
    (recording, "RunTracking"),
)
LAST_TASK: tuple[tuple[Any, str], ...] = (
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
