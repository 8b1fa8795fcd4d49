"""The accepted dataset of a run, found where the run's records say and verified."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from components.core.contracts.artifacts import Artifact, Manifest, open_artifact, read_manifest
from components.core.contracts.errors import ConfigurationError, GateRefused
from components.core.home import Home
from components.core.licences import Use
from components.core.models.store import MARKER, read_model_manifest
from components.core.runs import RunRecord, State, read_run, run_dirs
from components.core.stages import stage_named
from pipelines.export.dataset import Dataset, Recipe
from pipelines.publish.published import starts_from_published
from pipelines.revision import notices_of
from pipelines.status import RunStatus, run_dir_of, settled, status_of


def run_to_export(home: Home, run_id: str | None) -> Path:
    """Return the folder of a run; without an id that of the latest that succeeded on data which it made itself.

    Raises:
        ConfigurationError: there is no such run.
    """
    if run_id is not None:
        return run_dir_of(home, run_id)
    for run_dir in run_dirs(home.runs):
        record = settled(run_dir)
        if record.state is State.SUCCEEDED and not starts_from_published(record.parameters):
            return run_dir
    raise ConfigurationError(
        f"{home.runs}: no run has succeeded; name one whose samples were accepted, see `desta runs`"
    )


def accepted_dataset(home: Home, run_dir: Path, notices: Sequence[Path] = ()) -> Dataset:
    """Open what a run accepted; the sample corpora bring their notices, and what is given is added.

    Raises:
        ConfigurationError: the run has not come to accept anything.
        GateRefused: a gate did not let the samples pass.
        ContractError: an artifact is damaged.
    """
    status, record = status_of(run_dir), read_run(run_dir)
    _check_accepted(status)
    corpora = [Path(corpus) for corpus in record.parameters.get("corpora", ())]
    return Dataset(
        accepted=_artifact(status, "validate_data"),
        clips=_artifact(status, "ingest_audio"),
        recipe=recipe_of(read_manifest(_folder(status, "self_generate")), record, home),
        notices=(*notices_of(corpora, record.data_revision, home), *notices),
    )


def dataset_as_recorded(accepted: Artifact, clips: Artifact, samples: Manifest, run: RunRecord, home: Home) -> Dataset:
    """Return what a run accepted, without its notices, from artifacts that the caller opened."""
    return Dataset(accepted=accepted, clips=clips, recipe=recipe_of(samples, run, home))


def _check_accepted(status: RunStatus) -> None:
    validation = status.stages["validate_data"]
    nothing = "nothing was accepted; run again or name another run, see `desta runs`"
    if not status.stages["self_generate"].outputs and validation.outputs:
        raise ConfigurationError(
            f"run {status.run_id}: made no data, it took {status.data_revision}; name the run that published them"
        )
    if validation.state == State.REFUSED:
        raise GateRefused(
            f"run {status.run_id}: validate_data refused its samples: {validation.error}; name another run"
        )
    if validation.state != State.SUCCEEDED:
        raise ConfigurationError(f"run {status.run_id}: validate_data is {validation.state}: {nothing}")
    if validation.rows_out == 0:
        raise ConfigurationError(f"run {status.run_id}: all {validation.rows_in} samples were refused: {nothing}")


def _folder(status: RunStatus, stage: str) -> Path:
    return Path(status.stages[stage].outputs[stage_named(stage).output].path)


def _artifact(status: RunStatus, stage: str) -> Artifact:
    return open_artifact(_folder(status, stage), stage_named(stage).output)


def recipe_of(samples: Manifest, record: RunRecord, home: Home) -> Recipe:
    """Return how the samples of a run were made."""
    digest, reference = samples.lineage.models["llm"], str(record.parameters["llm"])
    stored = home.models / digest
    return Recipe(
        # A path says nothing elsewhere, and should not leave this machine.
        llm=reference if "://" in reference else f"model {digest}",
        llm_licence=read_model_manifest(stored).licence if (stored / MARKER).is_file() else None,
        prompt_pools=samples.facts.get("prompt_pools", {}),
        made_on=datetime.fromtimestamp(record.started_s, UTC).date(),
        use=Use(record.parameters.get("train_model_settings", {}).get("use", Use.RESEARCH)),
    )
