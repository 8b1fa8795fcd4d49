"""Instances and prediction files of Dynamic-SUPERB, with defaults."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def row(label: Any = "Yes", **changes: Any) -> dict[str, Any]:
    """What a file has about one audio file."""
    values = {"instruction": "Is it speech?", "label": label, **changes}
    return {name: value for name, value in values.items() if value is not ...}


def instance(
    data: Path, name: str, rows: Mapping[str, Mapping[str, Any]], metrics: Sequence[str] | None = ("accuracy",)
) -> Path:
    """An instance in a folder of instances; without metrics it has no `instance.json`."""
    folder = data / name
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_text(json.dumps(rows))
    if metrics is not None:
        (folder / "instance.json").write_text(json.dumps({"name": "A name", "metrics": metrics, "version": "a0"}))
    return data


def predictions(folder: Path, name: str, rows: Mapping[str, Mapping[str, Any]]) -> Path:
    """The prediction file of an instance."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    file.write_text(json.dumps(rows))
    return file
