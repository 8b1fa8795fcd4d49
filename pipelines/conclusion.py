"""The end of a run, the same wherever its stages ran: told to MLflow, decided about, sealed and told to the journal.

Each step finds what was done of it before: a process that is killed here is followed by one that does the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from components.core.contracts.errors import DestaError, ExitCode
from components.core.home import Home
from components.core.runs import State, read_run
from pipelines.bundle.sealing import show_in_mlflow, tell_ended, write_bundle
from pipelines.cost.bill import tell_cost
from pipelines.display import say
from pipelines.ending import Ending, ending_beside, keep_ending

if TYPE_CHECKING:
    from components.core.tracking import RunTracking


def told(tracking: RunTracking, ending: Ending, run_dir: Path, home: Home) -> Ending:
    """Let the policy decide about a model that passed its gate, record how the run ended so, and end it in MLflow.

    Raises:
        MlflowException: MLflow could not be told.
    """
    if read_run(run_dir).state is State.RUNNING:
        if ending.state is State.SUCCEEDED:
            ending = _decided(tracking, run_dir, home)
        keep_ending(run_dir, ending)
    tracking.close(ending.mlflow_status)
    return ending


def sealed(run_dir: Path, home: Home, key: Path, ending: Ending) -> Ending:
    """Give a run that ended its bundle, and tell the journal; without a bundle it did not succeed."""
    bundle = None
    try:
        bundle = write_bundle(run_dir, home, key)
    except DestaError as error:
        ending = failed(run_dir, ending, error)
    else:
        show_in_mlflow(run_dir, home)
        tell_cost(run_dir, home)
    tell_ended(run_dir, bundle, home)
    return ending


def failed(run_dir: Path, ending: Ending, error: DestaError) -> Ending:
    """Let an error be how a run ended, unless it had failed before that."""
    if ending.state is State.FAILED:
        say(f"error: {error}")
    else:
        ending = Ending(State.FAILED, ExitCode.FAILED, str(error))
    keep_ending(run_dir, ending)
    return ending


def _decided(tracking: RunTracking, run_dir: Path, home: Home) -> Ending:
    """Register the model, and see whether it takes the champion's place."""
    from pipelines import succession

    model = tracking.register()
    try:
        champion = tracking.champion or succession.decide(model, run_dir, home)
    except DestaError as error:
        return Ending(State.FAILED, error.exit_code, f"champion: {error}")
    tracking.tell_champion(champion, run_dir / succession.FOLDER)
    ending = ending_beside(champion)
    if champion.version != model.version and not ending.error:
        say(f"champion: version {champion.version} stays: {champion.reason}")
    return ending
