"""The driver of a run: prepare, start the graph in a session of its own, show it, tell MLflow, and clean up.

Killed at any moment, it leaves nothing that the next run does not mend: stages follow their driver into death, results
are found by content, and what the dead run left in its folder and in MLflow is closed first.
"""

import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

from components.core.contracts.errors import DestaError
from components.core.home import Home
from components.core.lifeline import process_started_s
from components.core.models.store import resolve_model
from components.core.privacy import PRIVATE_ENVIRONMENT
from components.core.runs import (
    State,
    TrackingRecord,
    log_file,
    read_run,
    read_tracking,
    run_dirs,
    write_run,
)
from pipelines.beginning import begin, record_of
from pipelines.bundle.sealing import seal_killed, tell_started
from pipelines.bundle.signing import signing_key
from pipelines.bundle.surroundings import keep_surroundings
from pipelines.conclusion import failed, sealed
from pipelines.cost.budget import Budget, Meter
from pipelines.display import display_for, say
from pipelines.ending import INTERRUPTED, Ending, ending_of, over_budget
from pipelines.erasure.unfinished import require_none_unfinished
from pipelines.interrupts import interruptible
from pipelines.lock import run_lock
from pipelines.openlineage.server import Server, server_of_environment
from pipelines.openlineage.telling import Teller
from pipelines.processes import end_processes
from pipelines.profiles import Profile
from pipelines.progress import views
from pipelines.revision import data_revision
from pipelines.sample_data import ROOT
from pipelines.status import settled
from pipelines.track import Tracker

_POLL_S = 0.25
# Everything of value is in the store; these hold links to it, or what programs forgot to remove.
_PASSING = ("kfp", "workspace", "tmp")


def run(profile: Profile, home: Home, budget: Budget | None = None) -> tuple[Path, Ending]:
    """Run the pipeline as a profile asks, within a budget, and return the run's folder and how it ended.

    Raises:
        ConfigurationError: another run holds the home, an erasure was not finished, a model reference, the key of
            signatures or OPENLINEAGE_URL cannot be, or a corpus forbids what the model is meant for.
        SourceError: a corpus or a model cannot be used; no run was started.
        ContractError: the journal is damaged.
        KeyboardInterrupt: interrupted before the run began.
    """
    run_id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
    profile.check_use()
    server = server_of_environment()
    with run_lock(home, run_id), interruptible():
        require_none_unfinished(home)
        key = signing_key(home)
        abandoned = _recover(home, key, server)
        published = profile.published
        revision = published.data_revision if published else data_revision(profile.corpora, home)
        for reference in (profile.encoder, profile.llm):
            resolve_model(reference, home.models)
        meter = Meter(budget, profile, home) if budget else None
        run_dir = home.runs / run_id
        pid = os.getpid()
        driver = {"pid": pid, "process_started_s": process_started_s(pid) or time.time()}
        begin(record_of(profile, run_id, revision, time.time(), **driver), home)
        if published:
            published.write_taken(run_dir)
        with Teller(run_dir, server):
            return run_dir, sealed(run_dir, home, key, _drive(run_dir, home, abandoned, meter))


def _recover(home: Home, key: Path, server: Server | None) -> list[TrackingRecord]:
    """Close the runs whose driver is gone (the lock proves it), and return what MLflow must still be told of."""
    abandoned = []
    for run_dir in run_dirs(home.runs):
        found = read_run(run_dir)
        if found.state is State.RUNNING and not found.cluster:
            record = settled(run_dir)
            end_processes(run_dir)
            _remove_passing(run_dir)
            tell_started(record, home)
            write_run(run_dir, record)
            with Teller(run_dir, server):
                pass
            say(f"run {record.run_id} was killed; what it had finished is used again")
            if tracking := read_tracking(run_dir):
                abandoned.append(tracking)
    seal_killed(home, key)
    return abandoned


def _drive(run_dir: Path, home: Home, abandoned: list[TrackingRecord], meter: Meter | None) -> Ending:
    with Tracker(home, run_dir, abandoned) as tracker:
        ending = _watch(run_dir, home, meter)
        try:
            return tracker.close(ending)
        except DestaError as error:
            return failed(run_dir, ending, error)


def _watch(run_dir: Path, home: Home, meter: Meter | None) -> Ending:
    """Execute the graph and show it, to its end, to the first interrupt, or until its budget is spent."""
    record = read_run(run_dir)
    process = _start(run_dir, home)
    try:
        with display_for(f"run {record.run_id} ({record.profile})") as display:
            keep_surroundings(run_dir)  # while the graph is loading
            while process.poll() is None:
                display.show(seen := views(run_dir))
                if meter and (line := meter.over(seen)):
                    return over_budget(line)
                time.sleep(_POLL_S)
            display.show(views(run_dir))
        return ending_of(run_dir, process.returncode)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        end_processes(run_dir)
        _remove_passing(run_dir)


def _start(run_dir: Path, home: Home) -> subprocess.Popen[bytes]:
    temporary = run_dir / "tmp"
    temporary.mkdir()
    environment = {
        **os.environ,
        **PRIVATE_ENVIRONMENT,
        "DESTA_HOME": str(home.root),
        "DESTA_MODELS": str(home.models.absolute()),
        "DESTA_RUN_DIR": str(run_dir),
        "DESTA_DRIVER_PID": str(os.getpid()),
        "TMPDIR": str(temporary),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        "PYTHONUNBUFFERED": "1",
        # The interpreter that tasks find as "python3" is this one.
        "PATH": os.pathsep.join(filter(None, (str(Path(sys.executable).parent), os.environ.get("PATH")))),
    }
    with log_file(run_dir).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.execute", str(run_dir)],
            cwd=run_dir,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _remove_passing(run_dir: Path) -> None:
    for name in _PASSING:
        shutil.rmtree(run_dir / name, ignore_errors=True)
