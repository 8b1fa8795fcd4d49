"""A machine with one schedule, every night at three."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.core.home import Home
from pipelines.schedule.recurring_runs import RecurringRuns
from tests.pipelines.schedule.kubeflow import Kubeflow, serving
from tests.pipelines.schedule.machine import Machine
from tests.pipelines.schedule.making import write_schedule
from tests.pipelines.schedule.reconciling import runs_at


@pytest.fixture
def machine(home: Home, tmp_path: Path) -> Machine:
    write_schedule(tmp_path / "files", cron="0 3 * * *")
    return Machine(home, tmp_path / "files")


@pytest.fixture
def kubeflow() -> Iterator[Kubeflow]:
    with serving() as server:
        yield server


@pytest.fixture
def cluster(kubeflow: Kubeflow) -> RecurringRuns:
    return runs_at(kubeflow.host, "desta")
