"""What runs on a cluster left in their home."""

import json
from typing import Any

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from components.core.home import Home
from components.core.registry import Registry
from components.core.runs import (
    State,
    read_run,
)
from components.core.stages import STAGES
from pipelines.bundle.sealing import FOLDER
from pipelines.bundle.verification import verify_bundle
from pipelines.champion import champion_of
from pipelines.journal import Event, read_journal
from pipelines.openlineage.telling import events_file
from tests.pipelines.cluster.pods import Pods

NAMES = [stage.name for stage in STAGES]


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
