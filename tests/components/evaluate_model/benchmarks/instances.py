"""Instances and prediction files of Dynamic-SUPERB, with defaults, and how those of its second phase are scored."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.evaluate_model.benchmarks.dynamic_superb.phase2 import DYNAMIC_SUPERB_2
from components.evaluate_model.benchmarks.judging import Question
from components.evaluate_model.benchmarks.records import Figure
from components.evaluate_model.benchmarks.scoring import Result, read_material, score
from tests.components.evaluate_model.benchmarks.judges import Scripted


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


def as_told(question: Question) -> str | None:
    """Says of a response what the response itself says of it; nothing at all about `(the budget is spent)`."""
    said = question.prompt.rsplit("The model's answer:\n", 1)[1]
    if said == "(the budget is spent)":
        return None
    verdicts = {"right": "It is that.\nVerdict: agrees", "wrong": "It is not.\nVerdict: disagrees"}
    return verdicts.get(said, f"Number: {said}")


def said(folder: Path, name: str, metrics: Sequence[str] | None, *pairs: tuple[str, str | None]) -> Path:
    """Write an instance, and a folder with its predictions, of labels and responses."""
    rows = {f"{number:03}.wav": row(label) for number, (label, _) in enumerate(pairs)}
    instance(folder / "data", name, rows, metrics)
    answered = {
        key: {**values, "prediction": response}
        for (key, values), (_, response) in zip(rows.items(), pairs, strict=True)
        if response is not None
    }
    predictions(folder / "said", name, answered)
    return folder


def scored(folder: Path, judge: Scripted | None = None) -> Result:
    """Score what `said` wrote by the second phase."""
    material = read_material(DYNAMIC_SUPERB_2, folder / "said", folder / "data")
    return score(DYNAMIC_SUPERB_2, material, judge or Scripted(as_told), post="as-it-is", seed=1, resamples=50)


def figures(result: Result) -> dict[str, float]:
    """Return the values of figures by their names."""
    return {each.name: each.value for each in result.figures}


def only(result: Result) -> Figure:
    """Return the figure that is the only one."""
    (figure,) = result.figures
    return figure
