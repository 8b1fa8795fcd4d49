"""The task that ends a run says in MLflow how it ended, in a run of its own or in the one that Kubeflow opened."""

from collections.abc import Mapping

import pytest
from kfp import dsl
from mlflow.tracking import MlflowClient

from components.core.home import Home
from components.core.runs import State, read_run
from pipelines.cluster.closing import close_run


def close(run_id: str, state: str, error: str = "") -> None:
    status = dsl.PipelineTaskFinalStatus(
        state=state,
        pipeline_job_resource_name="j",
        pipeline_task_name="exit-handler-1",
        error_code=1 if error else None,
        error_message=error,
    )
    close_run.python_func(
        run_id, "2026-11-28T10:00:00Z", "laptop", "c", "corpora:abc", "hf://a/e@1", "hf://a/l@1", status
    )


def _told(home: Home) -> Mapping[str, tuple[str, Mapping[str, str], Mapping[str, str]]]:
    client = MlflowClient(home.tracking_uri)
    experiment = client.get_experiment_by_name("desta")
    runs = client.search_runs([experiment.experiment_id])
    return {run.info.run_name: (run.info.status, run.data.tags, run.data.params) for run in runs}


def test_a_run_is_closed_as_it_ended(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    close("run-1", "SUCCEEDED")
    close("run-2", "FAILED", "train-model failed: no memory")
    close("run-3", "CANCELLED")
    told = _told(home)
    assert {name: status for name, (status, _, _) in told.items()} == {
        "run-1": "FINISHED",
        "run-2": "FAILED",
        "run-3": "KILLED",
    }
    _, tags, parameters = told["run-2"]
    assert (tags["desta.state"], tags["desta.error"]) == ("failed", "train-model failed: no memory")
    assert (parameters["llm"], parameters["data_revision"]) == ("hf://a/l@1", "corpora:abc")
    assert read_run(home.runs / "run-1").state is State.SUCCEEDED
    assert "run run-2: failed train-model failed: no memory" in capsys.readouterr().out


def test_a_run_that_kubeflow_opened_is_told_and_left_for_kubeflow_to_end(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = MlflowClient(home.tracking_uri)
    theirs = client.create_run(client.create_experiment("desta")).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", theirs)
    close("run-1", "FAILED", "broken")
    (run,) = client.search_runs([client.get_run(theirs).info.experiment_id])
    assert (run.info.status, run.data.tags["desta.error"]) == ("RUNNING", "broken")
