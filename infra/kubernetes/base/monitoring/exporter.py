"""What MLflow knows of this project's runs, for Prometheus: how many stand how, and what the newest of each stage did.

It runs alone in a pod, from a ConfigMap: nothing of this project is imported. Every scrape asks MLflow; when MLflow
does not answer, neither does this, and Prometheus' `up` says so.
"""

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from mlflow import MlflowClient
from mlflow.entities import Run
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

PORT = 9108
EXPERIMENT = "desta"
NEWEST = 500
"""Entries of MLflow that a scrape looks at: seven to a run of the whole pipeline."""
STATES = ("running", "succeeded", "refused", "failed", "killed")
_PARENT, _STAGE, _STATE, _REFUSED = "mlflow.parentRunId", "desta.stage", "desta.state", "refused."


class Runs(Collector):
    """The newest runs of the experiment, asked for at each scrape."""

    def __init__(self, client: MlflowClient) -> None:
        """Look at what this client sees."""
        self._client = client

    def collect(self) -> Iterator[Metric]:
        """Yield what a scrape is answered."""
        found = self._client.get_experiment_by_name(EXPERIMENT)
        newest: Sequence[Run] = ()
        if found:
            newest = self._client.search_runs(
                [found.experiment_id], max_results=NEWEST, order_by=["attributes.start_time DESC"]
            )
        yield runs_by_state(newest)
        yield from stages_of(newest)


def runs_by_state(newest: Iterable[Run]) -> Metric:
    """Count the runs of the pipeline by how they stand."""
    standing = Counter(state_of(run) for run in newest if _PARENT not in run.data.tags)
    family = GaugeMetricFamily("desta_runs", "Newest runs of the pipeline by state", labels=["state"])
    for state in STATES:
        family.add_metric([state], standing[state])
    return family


def state_of(run: Run) -> str:
    """Return how a run stands: in this project's word where it wrote one, else in what MLflow's word comes to."""
    if run.info.status == "KILLED":
        return "killed"
    return str(run.data.tags.get(_STATE, "failed" if run.info.status == "FAILED" else "running"))


def stages_of(newest: Iterable[Run]) -> Iterator[Metric]:
    """Yield what the newest ended run of each stage read, wrote and refused, and how long it took."""
    latest: dict[str, Run] = {}
    for run in newest:
        if _STAGE in run.data.tags and "rows_in" in run.data.metrics:
            latest.setdefault(run.data.tags[_STAGE], run)
    for name, said in (
        ("rows_in", "Rows that the newest run of a stage read"),
        ("rows_out", "Rows that it wrote"),
        ("seconds", "What it took; next to nothing where a result was found"),
    ):
        family = GaugeMetricFamily(f"desta_stage_{name}", said, labels=["stage"])
        for stage, run in latest.items():
            family.add_metric([stage], run.data.metrics[name])
        yield family
    refused = GaugeMetricFamily("desta_stage_rows_refused", "Rows that it refused", labels=["stage", "reason"])
    for stage, run in latest.items():
        for metric, count in run.data.metrics.items():
            if metric.startswith(_REFUSED):
                refused.add_metric([stage, metric.removeprefix(_REFUSED)], count)
    yield refused


def main() -> None:
    """Answer scrapes until the pod ends."""
    registry = CollectorRegistry()
    registry.register(Runs(MlflowClient(os.environ["MLFLOW_TRACKING_URI"])))
    start_http_server(PORT, registry=registry)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main()
