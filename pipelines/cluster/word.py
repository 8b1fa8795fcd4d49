"""How a run on a cluster ended, as its last task says it: a line of that task's log, where a client can read it.

Kubeflow itself knows only that pods ended well or did not: a refused gate is nothing to it, or a failure as any other.
"""

from collections.abc import Iterable
from typing import Self

from pydantic import ValidationError

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Record
from components.core.runs import State
from pipelines.cluster.api import Api
from pipelines.cluster.logs import log_lines
from pipelines.cluster.standing import ENDS, Run

_BEGINS = "desta: run ended: "
_LAST_TASK = "close-run"


class Word(Record):
    """How a run ended, and what its command tells the shell."""

    state: State
    exit_code: int
    error: str | None

    def as_line(self) -> str:
        """Return it as one line."""
        return f"{_BEGINS}{self.model_dump_json()}"

    def contradicts(self, state: str) -> bool:
        """Say whether the run failed though all its stages succeeded: then its last task has to fail for Kubeflow.

        A refused model was made and measured as asked, so that is no failure.
        """
        return self.state is State.FAILED and state == "SUCCEEDED"

    @classmethod
    def last_in(cls, lines: Iterable[str]) -> Self | None:
        """Return what the last such line of a log says."""
        said = [line.partition(_BEGINS)[2] for line in lines if _BEGINS in line]
        try:
            return cls.model_validate_json(said[-1], strict=False) if said else None
        except ValidationError:
            return None


def heard(api: Api, run: Run) -> Run:
    """Return a run that ended with the word of its last task, as long as the cluster has the log of it."""
    if run.state not in ENDS:
        return run
    task = next((task for task in run.tasks if task.name == _LAST_TASK), None)
    try:
        word = Word.last_in(log_lines(api, run, task, follow=False)) if task else None
    except SourceError:
        return run
    if word is None:
        return run
    return run.model_copy(update={"ended": word.state, "code": word.exit_code, "error": word.error or run.error})
