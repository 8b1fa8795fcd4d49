"""What MLflow keeps of results that gave way: artifacts and tags follow the new versions."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking import MlflowClient

from components.core.contracts.artifacts import MANIFEST, Manifest, read_manifest
from components.core.home import Home
from components.core.registry import explaining
from components.core.tracking import documents_of
from pipelines.erasure.results import TRAINED, Replaced

_PER_PAGE = 500
_MODEL = "model"
_HAS_DOCUMENTS = "desta.erasing"
"""A tag that survives a kill between the removal of the old documents and the new ones."""


def rewrite_tracked(home: Home, replaced: Sequence[Replaced]) -> None:
    """Bring the artifacts and tags of every run up to date.

    Raises:
        SourceError: MLflow cannot be used.
    """
    file = home.tracking_uri.removeprefix("sqlite:///")
    if file != home.tracking_uri and not Path(file).is_file():
        return
    by_key = {each.key: each for each in replaced}
    new = {each.digest: each.new_digest for each in replaced}
    with explaining(home):
        client = MlflowClient(home.tracking_uri, home.tracking_uri)
        for run in _runs(client):
            if found := by_key.get(run.data.tags.get("desta.key", "")):
                _replace(client, run, home.store / found.stage, found)
            for name, value in _moved_inputs(run, new):
                client.set_tag(run.info.run_id, name, value)


def _moved_inputs(run: Any, new: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the inputs of a run that gave way; a model was trained on the old ones."""
    tags = run.data.tags
    for name in (name for name in tags if name.startswith("desta.input.")):
        if tags[name] in new and tags["desta.stage"] != TRAINED:
            yield name, new[tags[name]]


def _runs(client: MlflowClient) -> Iterator[Any]:
    """Yield the runs of stages, wherever their parent is; what deleted ones leave is found as files."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    token: str | None = None
    while True:
        page = client.search_runs(experiments, "tags.`desta.stage` != ''", max_results=_PER_PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _replace(client: MlflowClient, run: Any, stage: Path, found: Replaced) -> None:
    """Put the documents of the new version in the place of the old one's; the key is told last."""
    folder = stage / found.new_key
    manifest = read_manifest(folder)
    repository = get_artifact_repository(run.info.artifact_uri)
    before = {item.path for item in client.list_artifacts(run.info.run_id)} - {_MODEL}
    has_documents = bool(before - {MANIFEST}) or _HAS_DOCUMENTS in run.data.tags
    if has_documents:
        client.set_tag(run.info.run_id, _HAS_DOCUMENTS, "they are being replaced")
    for path in sorted(before):
        repository.delete_artifacts(path)
    client.log_artifact(run.info.run_id, str(folder / MANIFEST))
    if has_documents:
        for path in documents_of(stage.name, manifest):
            parent = str(Path(path).parent)
            client.log_artifact(run.info.run_id, str(folder / path), None if parent == "." else parent)
    for name, value in _tags(manifest, folder).items():
        client.set_tag(run.info.run_id, name, value)
    if has_documents:
        client.delete_tag(run.info.run_id, _HAS_DOCUMENTS)


def _tags(manifest: Manifest, folder: Path) -> Mapping[str, str]:
    inputs = {f"desta.input.{name}": digest for name, digest in manifest.lineage.inputs.items()}
    return {**inputs, "desta.path": str(folder), "desta.digest": manifest.digest, "desta.key": manifest.lineage.key}
