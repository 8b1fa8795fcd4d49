"""What `desta doctor` says of the records of runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.core.home import Home, current_home
from pipelines.findings import State

if TYPE_CHECKING:
    from pipelines.doctor import Answer


def runs() -> Answer:
    """The records of all runs can be read."""
    torn = list(_torn(current_home()))
    return (State.WARNING, "; ".join(torn)) if torn else (State.OK, "their records are whole")


def _torn(home: Home) -> Iterator[str]:
    from components.core.contracts.errors import ContractError
    from components.core.runs import read_failure
    from pipelines.status import status_of

    for file in sorted(home.runs.glob("*/run.json")):
        try:
            status_of(file.parent)
            read_failure(file.parent)
        except ContractError as error:
            yield str(error)
