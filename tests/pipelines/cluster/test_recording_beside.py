"""Runs on a cluster beside others, and beside what Kubeflow, people and this machine do with the same home."""

import re

import pytest
from mlflow.tracking import MlflowClient

from components.core.contracts.errors import ConfigurationError
from components.core.registry import Registry
from components.core.runs import (
    State,
    read_run,
    write_run,
)
from pipelines import succession
from pipelines.bundle.sealing import FOLDER
from pipelines.bundle.signing import signing_key
from pipelines.bundle.verification import verify_bundle
from pipelines.champion import champion_of
from pipelines.cluster.recording import close
from pipelines.ending import INTERRUPTED
from pipelines.erasure.transaction import erasing
from pipelines.revision import data_revision
from pipelines.run import _recover
from pipelines.status import status_of
from tests.pipelines.cluster.left import NAMES, check_whole, parents
from tests.pipelines.cluster.pods import Pods
from tests.pipelines.results import make_run_record


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


def test_data_that_pods_do_not_find_are_refused_before_the_run_begins(pods: Pods) -> None:
    with pytest.raises(SystemExit) as ended:
        pods.begin("r1", data_revision="corpora:abc")
    said = pods.capsys.readouterr().err
    assert ended.value.code == 2
    assert re.search(
        r"^error: data revision corpora:abc: pods find corpora:[0-9a-f]{64} in .*sounds; bring", said, re.MULTILINE
    )
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
