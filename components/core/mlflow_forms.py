"""Our facts in MLflow's words: tags, parameters, metrics and datasets."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric

from components.core.contracts.artifacts import Manifest
from components.core.runs import StageRecord
from components.core.settings import flat

_DIGEST_LENGTH = 36


def about(record: Any) -> dict[str, str]:
    """Return the tags by which everything about a run is found."""
    return {
        "desta.run_id": record.run_id,
        "desta.profile": record.profile,
        "desta.data_revision": record.data_revision,
        "desta.code_version": record.code_version,
    }


def flat_parameters(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the parameters of a run by flat names, those of a stage behind its name."""
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            stage = name.removesuffix("_settings")
            yield from ((f"{stage}.{key}", str(inner)) for key, inner in flat(value))
        else:
            yield name, str(value)


def numbers(facts: Mapping[str, Any]) -> dict[str, float]:
    """Return the facts that are numbers."""
    return {k: float(v) for k, v in facts.items() if isinstance(v, int | float) and not isinstance(v, bool)}


def evaluation_text(figures: Mapping[str, float]) -> str:
    """Say what the evaluation measured; what the model is made of stands in its card."""
    measured = "\n".join(f"- {name}: {value:.4f}" for name, value in figures.items())
    return f"Passed the gate of evaluate_model:\n\n{measured}\n\nIts card is README.md among its files."


def increment_of(record: StageRecord) -> dict[str, float]:
    """Name what was found and made by its unit, such as `answers_found`."""
    done = record.increment
    return {f"{done.unit}_found": done.found, f"{done.unit}_made": done.made} if done else {}


def metrics_of(row: Mapping[str, float]) -> list[Metric]:
    """Return the metrics in a line that a stage wrote."""
    now_ms, step = int(time.time() * 1000), int(row["step"])
    return [Metric(name, float(value), now_ms, step) for name, value in row.items() if name != "step"]


def dataset(name: str, path: str, manifest: Manifest, context: str = "output") -> DatasetInput:
    """Return an artifact as a dataset of a run."""
    source = {"uri": path, "sha256": manifest.digest}
    return as_input(name, source, {"num_rows": manifest.counts.rows_out}, context)


def short_digest(digest: str) -> str:
    """Return as much of a digest as MLflow keeps of a dataset's."""
    return digest[:_DIGEST_LENGTH]


def as_input(name: str, source: Mapping[str, str], profile: Mapping[str, int], context: str) -> DatasetInput:
    """Return what a run read or wrote as a dataset; the whole digest stands in its source and on its tags."""
    digest = source["sha256"]
    dataset = Dataset(name, short_digest(digest), "local", json.dumps(source), profile=json.dumps(profile))
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context), InputTag("sha256", digest)])
