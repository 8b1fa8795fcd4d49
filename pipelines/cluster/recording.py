"""What a run on a cluster leaves in the home that its pods share: the same record as a run on one machine.

Two tasks around the stages do what the driver does there, by the same functions. Either may be killed at any moment
and tried again: what was done is found, and is not done twice. Locks of files keep pods apart: the home's volume has to
know them (`flock`), as NFS 4, CephFS and EFS do.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from components.core.contracts.errors import ConfigurationError, DestaError, ExitCode
from components.core.contracts.records import Record
from components.core.home import Home
from components.core.publishing import alone
from components.core.registry import explaining
from components.core.runs import RunRecord, State, read_run, write_record
from components.core.settings import checked
from components.core.stages import STAGES
from components.core.tracking import RunTracking
from pipelines.beginning import begin, record_of
from pipelines.bundle.contents import PIPELINE
from pipelines.bundle.sealing import is_sealed, tell_started
from pipelines.bundle.signing import signing_key
from pipelines.bundle.surroundings import HELD, keep_surroundings
from pipelines.cluster.reuse import record_reused
from pipelines.conclusion import failed, sealed, told
from pipelines.cost.devices import Held
from pipelines.ending import INTERRUPTED, Ending, ending_of, recorded_ending
from pipelines.erasure.unfinished import require_none_unfinished
from pipelines.openlineage.server import server_of_environment
from pipelines.openlineage.telling import Teller
from pipelines.profiles import Profile
from pipelines.revision import data_revision
from pipelines.status import run_dir_of

LATEST = "latest"
"""Asks for the data that the pods find, whatever they are."""
CANCELLED = "CANCELLED"


class Asked(Record):
    """What a run on a cluster is asked for; `parameters` are those of the pipeline."""

    run_id: str
    cluster: str
    held: Held
    code_version: str
    profile: str
    parameters: dict[str, Any]


def opened(asked: Asked, home: Home) -> str:
    """Let a run have begun, once however often this is tried, and return the revision of its data.

    Raises:
        ConfigurationError: an erasure was not finished, a corpus forbids what the model is meant for, the pods find
            other data than were asked for, or the key of signatures or OPENLINEAGE_URL cannot be.
        SourceError: a corpus or MLflow cannot be used.
        ContractError: the journal is damaged.
    """
    require_none_unfinished(home)
    signing_key(home)
    server = server_of_environment()
    run_dir = home.runs / asked.run_id
    with _only_one(asked.run_id, home):
        record = read_run(run_dir) if _has_begun(run_dir) else _new_record(asked, home)
        begin(record, home)
        _compile(run_dir / PIPELINE)
        keep_surroundings(run_dir)
        write_record(run_dir / HELD, asked.held)
        with explaining(home), Teller(run_dir, server):
            RunTracking(home, run_dir)
        return record.data_revision


@dataclass(frozen=True)
class Ended:
    """What is known of a run's end: Kubeflow's words for it, and the keys under which it may have skipped stages."""

    run_id: str
    keys: Mapping[str, str]
    state: str
    error: str | None = None

    @property
    def exit_code(self) -> int:
        """That of the stages, as of a process that did them."""
        return ExitCode.DONE if self.state == "SUCCEEDED" else ExitCode.FAILED


def closed(ended: Ended, home: Home) -> Ending:
    """Let a run have ended, once however often this is tried, and return how.

    Raises:
        ConfigurationError: the key of signatures or OPENLINEAGE_URL cannot be.
        ContractError: a record or the journal is damaged.
    """
    run_dir = home.runs / ended.run_id
    if not _has_begun(run_dir):
        return Ending(State.FAILED, ExitCode.FAILED, f"the run did not begin: {ended.error or ended.state}")
    with _only_one(ended.run_id, home):
        if is_sealed(ended.run_id, home):
            return recorded_ending(read_run(run_dir))
        key = signing_key(home)
        tell_started(read_run(run_dir), home)
        with Teller(run_dir, server_of_environment()):
            return sealed(run_dir, home, key, _told(run_dir, ended, home))


def close(run_id: str, home: Home) -> Ending:
    """Let a run have been cancelled that Kubeflow cancelled or lost, so that its last task never came.

    Raises:
        ConfigurationError: there is no such run, it was none on a cluster, or see `closed`.
        ContractError: see `closed`.
    """
    if not read_run(run_dir_of(home, run_id)).cluster:
        raise ConfigurationError(
            f"run {run_id}: was none on a cluster; the next `desta run` closes what was killed here"
        )
    return closed(Ended(run_id, {}, CANCELLED), home)


def _told(run_dir: Path, ended: Ended, home: Home) -> Ending:
    record = read_run(run_dir)
    ending = _ending(run_dir, ended, home) if record.state is State.RUNNING else recorded_ending(record)
    try:
        with explaining(home, "the results are kept, the next run records them"):
            return told(RunTracking(home, run_dir), ending, run_dir, home)
    except DestaError as failure:
        return failed(run_dir, ending, failure)


def _ending(run_dir: Path, ended: Ended, home: Home) -> Ending:
    """Say how a run ended by what its stages recorded; what none of them could record, by Kubeflow's word."""
    record_reused(run_dir, ended.keys, ended.exit_code, home)
    if ended.state == CANCELLED:
        return INTERRUPTED
    ending = ending_of(run_dir, ended.exit_code)
    if ending.state is State.FAILED and ended.error:
        return replace(ending, error=f"{ending.error}; Kubeflow: {' '.join(ended.error.split())}")
    return ending


def _new_record(asked: Asked, home: Home) -> RunRecord:
    profile = profile_of(asked)
    profile.check_use()
    revision = _revision(profile, asked.parameters["data_revision"], home)
    started_s = time.time()
    record = record_of(
        profile, asked.run_id, revision, started_s, pid=0, process_started_s=started_s, cluster=asked.cluster
    )
    return record.model_copy(update={"code_version": asked.code_version})


def profile_of(asked: Asked) -> Profile:
    """Return what a run is asked for as a profile; Kubeflow carries every number of it as a float.

    Raises:
        ConfigurationError: a setting is unknown, or its value out of range.
    """
    given: Mapping[str, Any] = asked.parameters
    corpora = tuple(map(Path, given["corpora"]))
    profile = Profile(name=asked.profile, corpora=corpora, encoder=given["encoder"], llm=given["llm"])
    settings: dict[str, Any] = {
        stage.name: checked(stage.name, type(profile.settings(stage.name)), given[f"{stage.name}_settings"])
        for stage in STAGES
    }
    return replace(profile, **settings)


def _revision(profile: Profile, wanted: str, home: Home) -> str:
    """Return the revision that was asked for, if the pods find these data."""
    found = data_revision(profile.corpora, home)
    if wanted == LATEST:
        return found
    if wanted.rpartition(" ")[2] != found.rpartition(" ")[2]:
        raise ConfigurationError(
            f"data revision {wanted}: pods find {found} in {', '.join(map(str, profile.corpora))}; bring these data to "
            "the home's corpora, or submit from the data that are there"
        )
    return wanted


def _compile(file: Path) -> None:
    """Write the graph in a process of its own: in one of its tasks Kubeflow's compiler cannot be imported."""
    environment = {name: value for name, value in os.environ.items() if name != "_KFP_RUNTIME"}
    subprocess.run([sys.executable, "-m", "pipelines", "compile", str(file)], env=environment, check=True)


def _has_begun(run_dir: Path) -> bool:
    return (run_dir / "run.json").is_file()


def _only_one(run_id: str, home: Home) -> Any:
    """Keep another attempt of the same task away, whose pod a lost node may still have."""
    return alone(home.runs / f".{run_id}.lock")
