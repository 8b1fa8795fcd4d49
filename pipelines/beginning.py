"""The beginning of a run, the same wherever its stages run: its record, and its first line in the journal."""

from typing import Any

from components.core.digests import code_digest
from components.core.home import Home
from components.core.runs import RunRecord, State, write_run
from pipelines.bundle.sealing import tell_started
from pipelines.profiles import Profile


def record_of(profile: Profile, run_id: str, revision: str, started_s: float, **driver: Any) -> RunRecord:
    """Return the record of a run that begins; `driver` names its process, or its cluster."""
    return RunRecord(
        run_id=run_id,
        profile=profile.name,
        state=State.RUNNING,
        started_s=started_s,
        seconds=0.0,
        parameters=profile.parameters(revision),
        data_revision=revision,
        code_version=code_digest("components", "pipelines"),
        **driver,
    )


def begin(record: RunRecord, home: Home) -> None:
    """Let a run have begun.

    Raises:
        ContractError: the journal is damaged.
    """
    write_run(home.runs / record.run_id, record)
    tell_started(record, home)
