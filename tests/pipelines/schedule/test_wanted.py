"""What a schedule asks of a cluster: a recurring run that says all that its file does, or one line."""

from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home, current_home
from pipelines.cluster.budget import ceiling
from pipelines.cluster.profile import read_profile
from pipelines.schedule import wanted
from pipelines.schedule.reconcile import apply
from pipelines.schedule.recurring_runs import RecurringRuns
from pipelines.schedule.wanted import wanted_of
from tests.pipelines.cluster.making import write_cluster
from tests.pipelines.images.making import place_of, write_pushed
from tests.pipelines.results import make_corpus
from tests.pipelines.schedule.kubeflow import Kubeflow
from tests.pipelines.schedule.making import make_schedule
from tests.pipelines.schedule.reconciling import actions, only, wanted_runs


def test_a_schedule_becomes_a_recurring_run_that_says_all_that_the_file_does(
    kubeflow: Kubeflow, cluster: RecurringRuns
) -> None:
    schedule = make_schedule(cron="0 3 * * 1", concurrency=2, set=["train_model.steps=7"])
    assert actions(apply(wanted_runs(schedule), cluster)) == {"weekly": "create"}
    run = only(kubeflow)
    assert run["trigger"] == {"cron_schedule": {"cron": "0 0 3 * * mon"}}
    assert (run["max_concurrency"], run["no_catchup"], run["mode"]) == ("2", True, "ENABLE")
    assert run["runtime_config"]["parameters"]["train_model_settings"]["steps"] == 7
    assert run["pipeline_spec"]["pipelineInfo"]["name"] == "alignment"
    assert "data team" in run["description"]


def test_a_schedule_of_a_cluster_asks_for_the_run_that_submit_asks_for(
    kubeflow: Kubeflow, cluster: RecurringRuns, tmp_path: Path, home: Home
) -> None:
    file = write_cluster(tmp_path, pipeline_root="s3://bucket/runs")
    corpus = make_corpus(tmp_path / "recordings")
    write_pushed(home)
    schedule = make_schedule(cluster=str(file), corpora=[str(corpus)], set=["train_model.steps=7"])
    apply(wanted_runs(schedule), cluster)
    run = only(kubeflow)
    parameters = run["runtime_config"]["parameters"]
    assert (parameters["corpora"], parameters["profile"]) == (["/desta/home/corpora/recordings"], "smoke")
    assert parameters["data_revision"] == "latest"
    assert (run["runtime_config"]["pipeline_root"], run["service_account"]) == ("s3://bucket/runs", "pipeline")
    graph, placed = run["pipeline_spec"]["pipeline_spec"], run["pipeline_spec"]["platform_spec"]
    assert parameters.keys() == graph["root"]["inputDefinitions"]["parameters"].keys()
    assert {"exec-open-run", "exec-close-run"} <= placed["platforms"]["kubernetes"]["deploymentSpec"][
        "executors"
    ].keys()
    assert graph["deploymentSpec"]["executors"]["exec-train-model"]["container"]["image"] == place_of("train_model")
    assert actions(apply(wanted_runs(schedule), cluster)) == {"weekly": "keep"}
    write_cluster(tmp_path, shards=2)
    assert actions(apply(wanted_runs(schedule), cluster)) == {"weekly": "replace"}


def test_corpora_that_pods_cannot_tell_apart_are_refused_before_anything_is_asked(
    kubeflow: Kubeflow, tmp_path: Path, home: Home
) -> None:
    write_pushed(home)
    corpora = [str(make_corpus(tmp_path / name / "recordings")) for name in ("a", "b")]
    schedule = make_schedule(cluster=str(write_cluster(tmp_path)), corpora=corpora)
    with pytest.raises(ConfigurationError, match="two folders are called recordings"):
        wanted_runs(schedule)
    assert kubeflow.requests == []


def test_a_budget_is_the_time_outs_of_the_cluster_that_a_schedule_names(
    kubeflow: Kubeflow, cluster: RecurringRuns, tmp_path: Path, home: Home
) -> None:
    write_pushed(home)
    file, corpus = write_cluster(tmp_path), make_corpus(tmp_path / "recordings")
    hours = ceiling(read_profile(file)) / 2
    apply(wanted_runs(make_schedule(cluster=str(file), corpora=[str(corpus)], max_device_hours=hours)), cluster)
    executors = only(kubeflow)["pipeline_spec"]["platform_spec"]["platforms"]["kubernetes"]["deploymentSpec"][
        "executors"
    ]
    assert executors["exec-train-model"]["activeDeadlineSeconds"] == "43200"


def test_a_budget_that_no_cluster_would_keep_is_refused(kubeflow: Kubeflow) -> None:
    with pytest.raises(ConfigurationError, match=r"^schedule weekly: budget: a cluster keeps it by .* as `cluster`"):
        wanted_runs(make_schedule(budget=5.0))
    assert kubeflow.requests == []


def test_a_schedule_in_another_time_zone_than_the_clusters_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"schedule weekly: timezone: Europe/Paris, but .* one zone, here UTC"):
        wanted_of([make_schedule(timezone="Europe/Paris")], "UTC", current_home())


def test_changed_code_of_the_pipeline_replaces_the_run(cluster: RecurringRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(wanted_runs(), cluster)
    compiled = wanted._compiled
    monkeypatch.setattr(
        wanted,
        "_compiled",
        lambda *of: {**compiled(*of), "sdkVersion": "kfp-99"},
    )
    (change,) = apply(wanted_runs(), cluster)
    assert (change.action, change.because) == ("replace", ("the pipeline, its code or the owner changed",))


def test_a_schedule_that_is_not_enabled_is_there_and_does_not_fire(kubeflow: Kubeflow, cluster: RecurringRuns) -> None:
    apply(wanted_runs(make_schedule(enabled=False)), cluster)
    assert only(kubeflow)["mode"] == "DISABLE"
    assert actions(apply(wanted_runs(make_schedule(enabled=True)), cluster)) == {"weekly": "enable"}
    assert only(kubeflow)["mode"] == "ENABLE"
    assert kubeflow.requests.count("POST /recurringruns") == 1
    assert actions(apply(wanted_runs(make_schedule(enabled=False)), cluster)) == {"weekly": "disable"}
