"""Changes of the champion in the journal: MLflow's history is where they are made, the journal tells of each once."""

from collections.abc import Iterator
from contextlib import contextmanager

from components.core.home import Home
from components.core.registry import MODEL_NAME, Change, Registry, alone_with
from pipelines.journal import Event, read_journal, record_event


@contextmanager
def changing_champion(home: Home) -> Iterator[Registry]:
    """Yield the registry to the one process that may move the alias; the journal knows of every move afterwards.

    What a killed process moved without a word in the journal is told first.

    Raises:
        ContractError: the journal is damaged; nothing was moved.
    """
    with alone_with(home) as registry:
        _tell(home, registry)
        yield registry
        _tell(home, registry)


def _tell(home: Home, registry: Registry) -> None:
    told = [entry.facts for entry in read_journal(home) if entry.event is Event.CHAMPION_CHANGED]
    for change in _moves(registry.history, registry.champion):
        facts = {"model": MODEL_NAME, **change.model_dump(mode="json")}
        if facts not in told:
            record_event(home, Event.CHAMPION_CHANGED, facts)


def _moves(history: tuple[Change, ...], present: str | None) -> Iterator[Change]:
    """Leave out what was recorded by a process that was killed before it moved the alias."""
    found_next = [change.previous for change in history[1:]]
    for change, found in zip(history, [*found_next, present], strict=False):
        if change.version == found:
            yield change
