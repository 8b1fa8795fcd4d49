"""The journal of an installation: what was run, promoted, published and erased, in a file that only grows.

Each entry holds the digest of the one before it, so that none can be changed, moved or taken out unseen. What is cut
off at the end shows where its digest was kept elsewhere: in a run's bundle, or in the certificate of an erasure.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from components.core.contracts.errors import ContractError
from components.core.contracts.records import Record, Sha256
from components.core.digests import canonical_json, digest_of
from components.core.home import Home
from components.core.publishing import alone

BEGINNING = "0" * 64
"""What stands before the first entry."""


class Event(StrEnum):
    """What the journal tells of."""

    RUN_STARTED = "run_started"
    RUN_ENDED = "run_ended"
    CHAMPION_CHANGED = "champion_changed"
    PUBLICATION_STARTED = "publication_started"
    PUBLISHED = "published"
    EXPORT_STARTED = "export_started"
    EXPORTED = "exported"
    ERASURE_STARTED = "erasure_started"
    ERASED = "erased"


class Entry(Record):
    """One line of the journal; `before` is the digest of the line above, `facts` name things by id and digest."""

    number: int = Field(ge=1)
    at: str
    event: Event
    facts: dict[str, Any]
    before: Sha256
    digest: Sha256

    def content_digest(self) -> str:
        """Return the digest of all that the entry says."""
        return digest_of(self.model_dump(mode="json", exclude={"digest"}))

    def __str__(self) -> str:
        facts = sorted(self.facts.items(), key=lambda fact: fact[0] != "run_id")
        told = ", ".join(f"{name} {_short(value)}" for name, value in facts if value not in (None, {}, []))
        return f"{self.number:>4}  {self.at}  {self.event:<19}  {told}".rstrip()


class Head(Record):
    """The newest entry of a journal at some moment, by which one that was cut off or written anew is found."""

    number: int = Field(ge=0)
    digest: Sha256


def journal_file(home: Home) -> Path:
    """Return where the journal lies."""
    return home.root / "journal.jsonl"


def record_event(home: Home, event: Event, facts: Mapping[str, Any]) -> Entry:
    """Add an entry that is on the disk when this returns; a line that a kill tore gives way to it.

    Raises:
        ContractError: the journal is damaged.
    """
    with alone(home.root / "journal.lock"):
        return _add(home, read_journal(home), event, facts)


def record_once(home: Home, event: Event, facts: Mapping[str, Any], *, by: str) -> None:
    """Add an entry unless there is one of this event with the same value of the fact `by`.

    What is told of something that can be read elsewhere is told again after a kill, until it is here, and then no more.

    Raises:
        ContractError: the journal is damaged.
    """
    with alone(home.root / "journal.lock"):
        entries = read_journal(home)
        if not any(entry.event is event and entry.facts.get(by) == facts[by] for entry in entries):
            _add(home, entries, event, facts)


@contextmanager
def telling(home: Home, begun: Event, done: Event, facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Tell of an act before it and after it, then with what was added to the facts that are yielded.

    A begin that no end follows was killed or failed: no act is without an entry.

    Raises:
        ContractError: the journal is damaged; the act was not begun.
    """
    record_event(home, begun, facts)
    told = dict(facts)
    yield told
    record_event(home, done, told)


def head_of(entries: Sequence[Entry]) -> Head:
    """Return where a journal stands."""
    return Head(number=len(entries), digest=entries[-1].digest if entries else BEGINNING)


def read_journal(home: Home) -> list[Entry]:
    """Return every entry, the oldest first, after the chain was checked.

    Raises:
        ContractError: a line is no entry, was changed, or does not follow the one above it.
    """
    file, entries = journal_file(home), list[Entry]()
    for number, line in enumerate(_whole_lines(file), 1):
        entry = _entry(file, number, line)
        before = entries[-1].digest if entries else BEGINNING
        if entry.number != number or entry.before != before:
            raise ContractError(
                f"{file}: line {number} does not follow the line above it: one was taken out, put in or moved; "
                "restore the file from a backup"
            )
        entries.append(entry)
    return entries


def _add(home: Home, entries: Sequence[Entry], event: Event, facts: Mapping[str, Any]) -> Entry:
    entry = _following(entries[-1] if entries else None, event, facts)
    _append(journal_file(home), canonical_json(entry.model_dump(mode="json")) + "\n")
    return entry


def _following(last: Entry | None, event: Event, facts: Mapping[str, Any]) -> Entry:
    draft = Entry(
        number=last.number + 1 if last else 1,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        event=event,
        facts=dict(facts),
        before=last.digest if last else BEGINNING,
        digest=BEGINNING,
    )
    return draft.model_copy(update={"digest": draft.content_digest()})


def _append(file: Path, line: str) -> None:
    with file.open("ab") as lines:
        lines.truncate(sum(len(whole) + 1 for whole in _whole_lines(file)))
        lines.write(line.encode())
        lines.flush()
        os.fsync(lines.fileno())


def _whole_lines(file: Path) -> list[bytes]:
    """Return the lines that end; what a killed writer left behind them was never recorded."""
    if not file.is_file():
        return []
    return file.read_bytes().split(b"\n")[:-1]


def _entry(file: Path, number: int, line: bytes) -> Entry:
    try:
        entry = Entry.model_validate_json(line, strict=False)
    except ValidationError as error:
        raise ContractError(f"{file}: line {number} is no entry; restore the file from a backup") from error
    if entry.content_digest() != entry.digest:
        raise ContractError(f"{file}: line {number} is not what was written; restore the file from a backup")
    return entry


def _short(value: Any) -> str:
    """Say a fact in few characters: of each digest its beginning."""
    if isinstance(value, Mapping):
        return " ".join(f"{name}:{_short(each)}" for name, each in value.items())
    if isinstance(value, list):
        return " ".join(map(_short, value))
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b", r"\1", str(value))
