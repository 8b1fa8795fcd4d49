"""Rows of clips on disk while an erasure is planned: there is one for each clip, and few of them are the subject's."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from pipelines.erasure.rows import ClipRow


class KeptRows:
    """Rows that are read once from where they come, and from here as often as they are needed; flat in memory.

    The file has no name: it is gone with the process, however that ends, as what is to be erased must be.
    """

    def __init__(self, rows: Iterable[ClipRow]) -> None:
        self._database = sqlite3.connect("")
        self._database.execute("CREATE TABLE rows (text)")
        self._database.executemany("INSERT INTO rows VALUES (?)", ((_text(row),) for row in rows))

    def __iter__(self) -> Iterator[ClipRow]:
        return (_row(text) for (text,) in self._database.execute("SELECT text FROM rows ORDER BY rowid"))

    def without(self, some: Collection[ClipRow]) -> "Others":
        """Return all but some of them, to be read as often."""
        return Others(self, some)


@dataclass(frozen=True)
class Others:
    """Rows but for some of them."""

    rows: Iterable[ClipRow]
    but: Collection[ClipRow]

    def __iter__(self) -> Iterator[ClipRow]:
        return (row for row in self.rows if row not in self.but)


def _text(row: ClipRow) -> str:
    # In ASCII: what a corpus says may hold halves of surrogate pairs, which a database refuses.
    return json.dumps({**vars(row), "speakers": sorted(row.speakers)})


def _row(text: str) -> ClipRow:
    cells = json.loads(text)
    return ClipRow(**{**cells, "speakers": frozenset(cells["speakers"])})
