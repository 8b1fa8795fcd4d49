"""The exporter on a real MLflow: what a scrape is answered of runs that went well, badly, and not yet to their end."""

from collections.abc import Mapping
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from mlflow import MlflowClient
from prometheus_client import CollectorRegistry, generate_latest, start_http_server

from infra.kubernetes.base.monitoring.exporter import Runs
from tests.infra.kubernetes.test_monitoring import OF_THE_EXPORTER

Samples = dict[tuple[str, ...], float]


def run_of(client: MlflowClient, experiment: str, state: str, stages: Mapping[str, Mapping[str, float]]) -> None:
    """Write a run as `desta run` does: the parent with its state, a nested run for each stage with its counts."""
    parent = client.create_run(experiment).info.run_id
    for stage, counts in stages.items():
        nested = client.create_run(experiment, tags={"mlflow.parentRunId": parent, "desta.stage": stage}).info.run_id
        for name, value in counts.items():
            client.log_metric(nested, name, value)
        client.set_terminated(nested, "FINISHED")
    if state == "killed":
        client.set_terminated(parent, "KILLED")
    elif state != "running":
        client.set_tag(parent, "desta.state", state)
        client.set_terminated(parent, "FAILED" if state == "failed" else "FINISHED")


def scrape(client: MlflowClient) -> Samples:
    """Return what Prometheus would read, by name and sorted label values."""
    registry = CollectorRegistry()
    registry.register(Runs(client))
    lines = [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]
    read: Samples = {}
    for line in lines:
        series, _, value = line.rpartition(" ")
        name, _, labels = series.partition("{")
        read[name, *sorted(part.split("=")[1].strip('"') for part in labels.rstrip("}").split(","))] = float(value)
    return read


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> MlflowClient:
    """MLflow with runs in every state; of the two that ended well, the newer one is written last."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"
    client = MlflowClient(uri, uri)
    experiment = client.create_experiment("desta")
    counts = {"rows_in": 100.0, "rows_out": 90.0, "seconds": 7.0, "refused.cut_off": 9.0, "refused.repetition": 1.0}
    run_of(
        client,
        experiment,
        "succeeded",
        {"validate_data": counts, "train_model": {"rows_in": 90.0, "rows_out": 1.0, "seconds": 60.0}},
    )
    run_of(client, experiment, "failed", {})
    run_of(client, experiment, "refused", {})
    run_of(client, experiment, "killed", {})
    run_of(client, experiment, "running", {"ingest_audio": {"audio_hours_per_hour": 3.0}})
    newer = {"rows_in": 200.0, "rows_out": 196.0, "seconds": 9.0, "refused.cut_off": 4.0}
    run_of(client, experiment, "succeeded", {"validate_data": newer})
    return client


def test_runs_are_counted_by_how_they_stand(client: MlflowClient) -> None:
    read = scrape(client)
    found = {labels[0]: count for (name, *labels), count in read.items() if name == "desta_runs"}
    assert found == {"succeeded": 2, "failed": 1, "refused": 1, "killed": 1, "running": 1}


def test_the_newest_run_of_a_stage_says_what_it_did(client: MlflowClient) -> None:
    read = scrape(client)
    assert read["desta_stage_rows_in", "validate_data"] == 200
    assert read["desta_stage_rows_out", "validate_data"] == 196
    assert read["desta_stage_seconds", "validate_data"] == 9
    assert read["desta_stage_rows_in", "train_model"] == 90
    assert ("desta_stage_rows_in", "ingest_audio") not in read


def test_rows_are_refused_by_reason_of_the_same_run(client: MlflowClient) -> None:
    read = scrape(client)
    refused = {key: count for key, count in read.items() if key[0] == "desta_stage_rows_refused"}
    assert refused == {("desta_stage_rows_refused", "cut_off", "validate_data"): 4}


def test_it_has_the_series_that_board_and_alerts_ask_for(client: MlflowClient) -> None:
    assert {key[0] for key in scrape(client)} == OF_THE_EXPORTER


def test_a_scrape_fails_when_mlflow_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    registry = CollectorRegistry()
    registry.register(Runs(MlflowClient("http://127.0.0.1:1")))
    server, thread = start_http_server(0, "127.0.0.1", registry)
    with pytest.raises(HTTPError, match="500"):
        urlopen(f"http://127.0.0.1:{server.server_port}/metrics")
    server.shutdown()
    thread.join()
