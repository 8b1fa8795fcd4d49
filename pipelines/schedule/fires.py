"""What was started by schedules, when and what came of it, and until when each schedule is settled: kept in SQLite.

Only names, numbers and lines of text are kept: the rules stand in the files, and nothing here is ever unpickled.
"""

import json
import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from components.core.contracts.errors import ContractError
from components.core.contracts.records import Record
from components.core.home import Home
from components.core.lifeline import is_alive, process_started_s

_SETUP = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS schedules (
        name TEXT PRIMARY KEY, rule TEXT NOT NULL DEFAULT '', settled_s REAL NOT NULL, paused INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE IF NOT EXISTS fires (
        id INTEGER PRIMARY KEY AUTOINCREMENT, schedule TEXT NOT NULL, by TEXT NOT NULL, due_s REAL NOT NULL,
        started_s REAL NOT NULL, pid INTEGER NOT NULL, process_started_s REAL NOT NULL, ended_s REAL,
        outcome TEXT NOT NULL, reasons TEXT NOT NULL DEFAULT '[]', run_id TEXT, detail TEXT,
        alerts TEXT NOT NULL DEFAULT '[]'
    );
    CREATE INDEX IF NOT EXISTS fires_of_schedule ON fires (schedule, due_s);
"""
_COLUMNS = "id, schedule, by, due_s, started_s, ended_s, outcome, reasons, run_id, detail, alerts"


class Outcome(StrEnum):
    """What became of a fire."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    NOT_DUE = "not_due"
    MISSED = "missed"


class By(StrEnum):
    """Who asked for a run."""

    SCHEDULE = "schedule"
    HAND = "hand"


class Fire(Record):
    """One time that a schedule fired: when, why it ran, which run it was, and who was told. Times are UTC."""

    number: int
    schedule: str
    by: By
    due: str
    started: str
    ended: str | None
    outcome: Outcome
    reasons: tuple[str, ...]
    run_id: str | None
    detail: str | None
    alerts: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """Until when all fires of a schedule are settled, by which rule, and whether somebody paused it."""

    rule: str
    settled_s: float
    paused: bool


@dataclass(frozen=True, kw_only=True)
class End:
    """How a fire ended."""

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    run_id: str | None = None
    detail: str | None = None


def folder_of(home: Home) -> Path:
    """Return where the schedules of a home keep their state."""
    return home.root / "schedules"


class Fires:
    """The fires of a home; several processes may write and read at once."""

    def __init__(self, home: Home) -> None:
        """Open or make the database; ContractError where the file is something else."""
        self.file = folder_of(home) / "fires.sqlite"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._rows = sqlite3.connect(self.file, timeout=60, isolation_level=None)
        try:
            self._rows.executescript(_SETUP)
        except sqlite3.DatabaseError as error:
            raise ContractError(f"{self.file}: {error}; restore it from a backup, or remove it") from error

    def standing(self, name: str) -> Standing | None:
        """Return how a schedule stands; `None` for one that was never looked at."""
        row = self._rows.execute("SELECT rule, settled_s, paused FROM schedules WHERE name = ?", (name,)).fetchone()
        return Standing(row[0], row[1], bool(row[2])) if row else None

    def settle(self, name: str, rule: str, until_s: float) -> None:
        """Record that nothing before a moment is open any more."""
        self._rows.execute(
            "INSERT INTO schedules (name, rule, settled_s) VALUES (?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET rule = excluded.rule, settled_s = excluded.settled_s",
            (name, rule, until_s),
        )

    def pause(self, name: str, paused: bool, now_s: float) -> None:
        """Pause a schedule, or let it go on; what would have been meanwhile is not made up for."""
        self._rows.execute(
            "INSERT INTO schedules (name, settled_s, paused) VALUES (?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET settled_s = excluded.settled_s, paused = excluded.paused",
            (name, now_s, int(paused)),
        )

    def forget_others(self, names: Sequence[str]) -> None:
        """Forget the standing of all other schedules, so that one whose file comes back begins anew; pauses stay."""
        query = "DELETE FROM schedules WHERE paused = 0 AND name NOT IN (SELECT value FROM json_each(?))"
        self._rows.execute(query, (json.dumps(list(names)),))

    def begin(self, name: str, by: By, due_s: float, now_s: float) -> int:
        """Record that a fire begins, and return its number."""
        me = os.getpid()
        cursor = self._rows.execute(
            "INSERT INTO fires (schedule, by, due_s, started_s, pid, process_started_s, outcome)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (name, by.value, due_s, now_s, me, process_started_s(me) or time.time(), Outcome.RUNNING.value),
        )
        return int(cursor.lastrowid or 0)

    def end(self, number: int, end: End, now_s: float) -> None:
        """Record how a fire ended."""
        values = (now_s, end.outcome.value, json.dumps(end.reasons), end.run_id, end.detail, number)
        self._rows.execute(
            "UPDATE fires SET ended_s = ?, outcome = ?, reasons = ?, run_id = ?, detail = ? WHERE id = ?", values
        )

    def tell(self, number: int, alerts: tuple[str, ...]) -> None:
        """Record who was told of a fire."""
        self._rows.execute("UPDATE fires SET alerts = ? WHERE id = ?", (json.dumps(alerts), number))

    def settled_already(self, name: str, due_s: float) -> bool:
        """Tell whether a schedule fired for this very moment; one that was interrupted did not."""
        query = "SELECT 1 FROM fires WHERE schedule = ? AND by = ? AND due_s = ? AND outcome != ?"
        values = (name, By.SCHEDULE.value, due_s, Outcome.INTERRUPTED.value)
        return self._rows.execute(query, values).fetchone() is not None

    def was_running(self, due_s: float) -> bool:
        """Tell whether a run of a schedule was under way at a moment."""
        query = "SELECT 1 FROM fires WHERE started_s <= ? AND ended_s >= ? AND run_id IS NOT NULL"
        return self._rows.execute(query, (due_s, due_s)).fetchone() is not None

    def left_running(self) -> list[int]:
        """Return the number of each fire whose process is gone."""
        query = "SELECT id, pid, process_started_s FROM fires WHERE outcome = ?"
        rows = self._rows.execute(query, (Outcome.RUNNING.value,)).fetchall()
        return [number for number, pid, started_s in rows if not is_alive(pid, started_s)]

    def history(self, name: str | None = None, newest: int = -1) -> list[Fire]:
        """Return the fires of a schedule, or of all, the newest first; `newest` of them, or every one."""
        where, values = ("WHERE schedule = ?", [name]) if name else ("", [])
        query = f"SELECT {_COLUMNS} FROM fires {where} ORDER BY id DESC LIMIT ?"  # noqa: S608 (only names of ours)
        return [_fire(row) for row in self._rows.execute(query, [*values, newest])]


def moment(seconds: float) -> str:
    """Write a moment as people and scripts read it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _fire(row: tuple[Any, ...]) -> Fire:
    number, schedule, by, due_s, started_s, ended_s, outcome, reasons, run_id, detail, alerts = row
    return Fire(
        number=number,
        schedule=schedule,
        by=By(by),
        due=moment(due_s),
        started=moment(started_s),
        ended=moment(ended_s) if ended_s is not None else None,
        outcome=Outcome(outcome),
        reasons=tuple(json.loads(reasons)),
        run_id=run_id,
        detail=detail,
        alerts=tuple(json.loads(alerts)),
    )
