"""The end of a run: its bundle, written and signed, and its beginning and end in the journal, each told once.

A run that was killed before its end was told is sealed by the next run, with what there is.
"""

from collections.abc import Iterator
from pathlib import Path

from components.core.contracts.errors import DestaError, SourceError
from components.core.digests import digest_of_tree
from components.core.home import Home
from components.core.publishing import explaining_no_room, published
from components.core.runs import RunRecord, read_run, read_stage, read_tracking, run_dirs
from components.core.stages import STAGES
from pipelines.bundle.signing import SIGNATURE, sign
from pipelines.display import say
from pipelines.journal import Event, head_of, read_journal, record_once

FOLDER = "bundle"


def tell_started(record: RunRecord, home: Home) -> None:
    """Tell the journal that a run began.

    Raises:
        ContractError: the journal is damaged.
    """
    facts = {name: getattr(record, name) for name in ("run_id", "profile", "data_revision", "code_version")}
    record_once(home, Event.RUN_STARTED, facts, by="run_id")


def tell_ended(run_dir: Path, bundle: str | None, home: Home) -> None:
    """Tell the journal how a run ended, and the digest of its bundle.

    Raises:
        ContractError: the journal is damaged.
    """
    record = read_run(run_dir)
    stages = (read_stage(run_dir, stage.name) for stage in STAGES)
    results = {kind: output.digest for stage in stages if stage for kind, output in stage.outputs.items()}
    facts = {"run_id": record.run_id, "state": record.state.value, "error": record.error}
    record_once(home, Event.RUN_ENDED, {**facts, "results": results, "bundle": bundle}, by="run_id")


def is_sealed(run_id: str, home: Home) -> bool:
    """Say whether the journal tells how a run ended.

    Raises:
        ContractError: the journal is damaged.
    """
    ended = (entry.facts.get("run_id") for entry in read_journal(home) if entry.event is Event.RUN_ENDED)
    return run_id in ended


def write_bundle(run_dir: Path, home: Home, key: Path) -> str:
    """Write and sign the bundle of a run that ended, unless it has one, and return its digest.

    Raises:
        ContractError: a record or the journal is damaged.
        SourceError: there is no room for it.
    """
    from pipelines.bundle.contents import write_contents
    from pipelines.bundle.ended import read_ended

    folder = run_dir / FOLDER
    if not folder.is_dir():
        with explaining_no_room(f"bundle of run {run_dir.name}", run_dir), published(folder) as draft:
            write_contents(draft, read_ended(run_dir), head_of(read_journal(home)), home)
            sign(draft, key)
    return bundle_digest(folder)


def bundle_digest(folder: Path) -> str:
    """Return the digest of what a bundle holds beside its signature."""
    files = (file for file in folder.rglob("*") if file.is_file() and file != folder / SIGNATURE)
    return digest_of_tree(folder, files)


def show_in_mlflow(run_dir: Path, home: Home) -> None:
    """Put the bundle among the artifacts of the run's own run in MLflow; where that cannot be, say so."""
    from mlflow.tracking import MlflowClient

    from components.core.registry import explaining

    if tracking := read_tracking(run_dir):
        try:
            with explaining(home, f"the bundle is in {run_dir / FOLDER}"):
                client = MlflowClient(home.tracking_uri, home.tracking_uri)
                client.log_artifacts(tracking.mlflow_run_id, str(run_dir / FOLDER), FOLDER)
        except SourceError as error:
            say(str(error))


def seal_killed(home: Home, key: Path) -> None:
    """Seal the runs whose end was never told: the journal saw them begin, and the lock proves that none goes on.

    Raises:
        ContractError: the journal is damaged.
    """
    for run_dir in list(_untold(home)):
        bundle = None
        try:
            bundle = write_bundle(run_dir, home, key)
        except DestaError as error:
            say(f"run {run_dir.name} has no bundle: {error}")
        tell_ended(run_dir, bundle, home)


def _untold(home: Home) -> Iterator[Path]:
    told = {(entry.event, entry.facts.get("run_id")) for entry in read_journal(home)}
    for run_dir in reversed(run_dirs(home.runs)):
        begun = (Event.RUN_STARTED, run_dir.name) in told and (Event.RUN_ENDED, run_dir.name) not in told
        if begun and not read_run(run_dir).cluster:  # the last task of a run on a cluster does that
            yield run_dir
