"""Digests of files, remembered while a file is not touched: a corpus is read whole once, then only its changes."""

import os
import sqlite3
import time
from pathlib import Path
from threading import Lock

from components.core.contracts.errors import ContractError
from components.core.digests import digest_of_file

_SETTLED_NS = 2_000_000_000  # a file written a moment ago may be written again within one tick of the disk's clock
_SETUP = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, state TEXT NOT NULL, sha256 TEXT NOT NULL);
"""


class FileDigests:
    """Digests by path, size, inode and times of change, in a database that may be removed at any time."""

    def __init__(self, database: Path) -> None:
        """Open or make the database; ContractError where the file is something else."""
        database.parent.mkdir(parents=True, exist_ok=True)
        self._lock = Lock()
        self._rows = sqlite3.connect(database, timeout=60, isolation_level=None, check_same_thread=False)
        try:
            self._rows.executescript(_SETUP)
        except sqlite3.DatabaseError as error:
            raise ContractError(f"{database}: {error}; remove it: the digests are computed again") from error

    def __call__(self, file: Path) -> str:
        """Return the sha256 of a file, from memory where it is as it was; OSError and ValueError as for any file."""
        found = file.stat()
        path, state = os.fsencode(file.absolute()), state_of(found)
        if known := self._ask("SELECT sha256 FROM files WHERE path = ? AND state = ?", path, state):
            return str(known[0])
        digest = digest_of_file(file)
        if settled(found) and state_of(file.stat()) == state:
            self._ask("REPLACE INTO files VALUES (?, ?, ?)", path, state, digest)
        return digest

    def _ask(self, statement: str, *values: str | bytes) -> tuple[str, ...] | None:
        with self._lock:
            row: tuple[str, ...] | None = self._rows.execute(statement, values).fetchone()
            return row


def state_of(found: os.stat_result) -> str:
    """Return what the file system says of a file; every write moves the time of change, which nobody can set back."""
    return f"{found.st_size}:{found.st_ino}:{found.st_mtime_ns}:{found.st_ctime_ns}"


def settled(found: os.stat_result) -> bool:
    """Tell whether the next write to a file is sure to give it another state."""
    return time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > _SETTLED_NS
