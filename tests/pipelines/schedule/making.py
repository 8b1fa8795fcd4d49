"""Schedules for tests."""

import json
from pathlib import Path
from typing import Any

import yaml

from pipelines.schedule.schedules import Schedule

CONTENT: dict[str, Any] = {
    "name": "weekly",
    "owner": "data team",
    "cron": "0 3 * * 1",
    "timezone": "UTC",
    "profile": "smoke",
}


def make_schedule(**changes: Any) -> Schedule:
    """Build a schedule that fires on Mondays at three, in UTC."""
    return Schedule.model_validate_json(json.dumps({**CONTENT, **changes}))


def write_schedule(folder: Path, **changes: Any) -> Path:
    """Write the file of a schedule, named as it is."""
    content = {**CONTENT, **changes}
    folder.mkdir(exist_ok=True)
    file = folder / f"{content['name']}.yaml"
    file.write_text(yaml.safe_dump(content))
    return file
