"""The journal as a table, after its chain was checked."""

import json

from components.core.contracts.errors import ContractError
from components.core.home import Home
from pipelines.audit.view import Cell, Table, View
from pipelines.journal import Entry, read_journal

_LEAD = "What was run, promoted, published and erased: each entry holds the digest of the one before it."


def log_view(home: Home) -> View:
    """Show every entry, the newest first; a damaged journal is said to be."""
    try:
        entries = read_journal(home)
    except ContractError as error:
        return View(title="Journal", kind="journal", lead=_LEAD, state=str(error), bad=True)
    state = f"The chain holds: {len(entries)} entries" if entries else "There is no entry yet"
    columns = ("number", "at", "event", "facts", "digest")
    rows = tuple(map(_row, reversed(entries)))
    table = Table(title="Entries", columns=columns, rows=rows)
    return View(title="Journal", kind="journal", lead=_LEAD, state=state, tables=(table,))


def _row(entry: Entry) -> tuple[Cell, ...]:
    facts = json.dumps(entry.facts, ensure_ascii=False)
    return tuple(Cell(text=text) for text in (str(entry.number), entry.at, entry.event, facts, entry.digest))
