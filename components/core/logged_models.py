"""MLflow's logged models: between the datasets of its runs and the versions of its registry, findable from both."""

import json
from collections.abc import Mapping
from typing import Any

from mlflow.entities import LoggedModelInput, LoggedModelOutput, LoggedModelStatus, Metric
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

from components.core.mlflow_forms import short_digest
from components.core.runs import Output

LOGGED_MODEL = "desta.logged_model"
"""Tag of a version: the logged model that it is."""


def logged_model_of(client: MlflowClient, experiment_id: str, version: Any) -> str:
    """Return the logged model of a registered version, made once with the version's own tags."""
    wanted = f"tags.`desta.digest` = '{version.tags['desta.digest']}'"
    if found := next(iter(client.search_logged_models([experiment_id], wanted)), None):
        return str(found.model_id)
    names = [{"name": version.name, "version": str(version.version)}]
    tags = {**version.tags, MLFLOW_MODEL_VERSIONS: json.dumps(names)}
    made = client.create_logged_model(experiment_id, version.name, version.run_id, tags, model_type="adapter")
    client.log_outputs(version.run_id, [LoggedModelOutput(made.model_id, 0)])
    client.finalize_logged_model(made.model_id, LoggedModelStatus.READY)
    return str(made.model_id)


def log_evaluation(
    client: MlflowClient, run_id: str, model_id: str, figures: Mapping[str, float], accepted: Output, now_ms: int
) -> None:
    """Log what an evaluation measured as being about the model and about the samples that it was measured with."""
    client.log_inputs(run_id, models=[LoggedModelInput(model_id)])
    about = {"model_id": model_id, "dataset_name": "accepted", "dataset_digest": short_digest(accepted.digest)}
    metrics = [Metric(name, value, now_ms, 0, **about) for name, value in figures.items()]
    client.log_batch(run_id, metrics=metrics)
