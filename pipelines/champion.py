"""Who is champion, and who was: to look at, and to change by hand."""

from components.core.contracts.records import Record
from components.core.home import Home
from components.core.registry import (
    ERASED,
    MODEL_NAME,
    RETRAIN,
    Change,
    Decider,
    checked_reason,
    explaining,
    open_registry,
    version_named,
)
from pipelines.champion_changes import changing_champion


class Champion(Record):
    """The present champion and every change that led to it, the oldest first.

    `erased` is the erasure of something that it learned from, and `retrain` the command that trains one in its place.
    """

    name: str
    version: str | None
    history: tuple[Change, ...]
    erased: str | None = None
    retrain: str | None = None

    def __str__(self) -> str:
        head = f"{self.name} version {self.version}" if self.version else f"{self.name} has no champion"
        last = self.history[-1].version if self.history else None
        odd = [] if last == self.version else ["the alias does not stand where the last change put it"]
        mend = f"IT LEARNED FROM WHAT ERASURE {self.erased} TOOK AWAY; mend it: {self.retrain}"
        marked = [mend] if self.erased else []
        return "\n".join([head, *marked, *odd, "", *map(_line, self.history)]).rstrip()


def champion_of(home: Home) -> Champion:
    """Return the champion and its history.

    Raises:
        ConfigurationError: no model was registered yet.
        SourceError: MLflow cannot be used.
    """
    with explaining(home):
        registry = open_registry(home)
        version = registry.champion
        tags = registry.version(version).tags if version else {}
        return Champion(
            name=MODEL_NAME,
            version=version,
            history=registry.history,
            erased=tags.get(ERASED),
            retrain=tags.get(RETRAIN),
        )


def promote(version: str, reason: str, home: Home) -> str:
    """Make a version the champion by hand, and return a line about it.

    Raises:
        ConfigurationError: no model was registered yet, there is no such version, or the reason is no line of text.
        SourceError: MLflow cannot be used.
    """
    number, reason = version_named(version), checked_reason(reason)
    with explaining(home):
        open_registry(home)
        with changing_champion(home) as registry:
            if registry.champion == number:
                return f"{MODEL_NAME} version {number} is the champion already; nothing was changed"
            return _told(registry.move(number, reason, Decider.HAND))


def rollback(reason: str, home: Home) -> str:
    """Make the champion before the present one champion again, and return a line about it.

    Raises:
        ConfigurationError: there was none, or the reason is no line of text.
        SourceError: MLflow cannot be used.
    """
    reason = checked_reason(reason)
    with explaining(home):
        open_registry(home)
        with changing_champion(home) as registry:
            return _told(registry.rollback(reason))


def _told(change: Change) -> str:
    before = f"version {change.previous}" if change.previous else "none"
    return f"champion: {MODEL_NAME} version {change.version} (before: {before})"


def _line(change: Change) -> str:
    step = f"{change.previous or 'none'} {'back to' if change.rollback else 'to'} {change.version}"
    run = f" (run {change.run_id})" if change.run_id else ""
    return f"  {change.at}  {step:<16} by {change.by:<6}  {change.reason}{run}"
