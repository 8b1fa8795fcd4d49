"""A machine with one schedule, every night at three."""

from pathlib import Path

import pytest

from components.core.home import Home
from tests.pipelines.schedule.machine import Machine
from tests.pipelines.schedule.making import write_schedule


@pytest.fixture
def machine(home: Home, tmp_path: Path) -> Machine:
    write_schedule(tmp_path / "files", cron="0 3 * * *")
    return Machine(home, tmp_path / "files")
