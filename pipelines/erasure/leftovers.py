"""Everything in a home that is neither a result nor a record, and still holds something of the subject: it goes."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from components.core.home import Home
from components.core.models.feature_files import erase_features
from components.core.publishing import alone
from pipelines.erasure.places import items_of_home
from pipelines.erasure.pruning import Pruner
from pipelines.erasure.run_records import redact, redacted
from pipelines.erasure.searching import Searcher
from pipelines.erasure.subject import Erased

GENERATIONS = "generations"
_TRAINING = "train_model"


def remove_leftovers(home: Home, erased: Erased) -> None:
    """Remove features, replies, caches, unfinished work and any other file that holds something of the subject.

    The checkpoints of unfinished training do not say what they learned from, so all of them go.
    """
    for clip_id in erased.traces.clips:
        erase_features(home.features, clip_id)
    for folder in (home.work / _TRAINING).glob("*/"):
        shutil.rmtree(folder)
    searcher, pruner = Searcher(erased.traces, erased.words), Pruner(erased)
    with alone(home.root / GENERATIONS / ".lock"):
        for item in list(items_of_home(home)):
            if item.evidence or item.path is None or not item.path.is_file():
                continue
            with item.open() as data:
                telling = searcher.find(item.name, data)
            if telling:
                _remove(item.path, home, erased, pruner, searcher)


def _remove(file: Path, home: Home, erased: Erased, pruner: Pruner, searcher: Searcher) -> None:
    place, *rest = file.relative_to(home.root).parts
    if file.parent == home.root and _is_database(file):
        return  # its rows are cleaned in their place
    if place == GENERATIONS and file.suffix == ".parquet" and pruner.replies(file):
        return
    if place == home.runs.name:
        redact(file, erased, searcher)
    elif draft := next((folder for folder in file.parents if folder.match(".*.draft")), None):
        shutil.rmtree(draft)
    elif place in (home.work.name, "published") and len(rest) > 2:
        shutil.rmtree(home.root / place / rest[0] / rest[1])
    else:
        file.unlink()


def _is_database(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(16) == b"SQLite format 3\x00" or file.name.endswith(("-wal", "-shm"))


def clean_databases(home: Home, erased: Erased) -> None:
    """Take what tells of the subject out of SQLite databases, free pages and logs too; digests of files are forgotten.

    Raises:
        SourceError: a database is in use.
    """
    for suffix in ("", "-wal", "-shm"):
        home.file_digests.with_name(home.file_digests.name + suffix).unlink(missing_ok=True)
    for file in sorted(home.root.glob("*")):
        if file.is_file() and not file.name.endswith(("-wal", "-shm")) and _is_database(file):
            _clean(file, erased)


def _clean(database: Path, erased: Erased) -> None:
    searcher = Searcher(erased.traces, erased.words)
    with closing(sqlite3.connect(database, timeout=60, isolation_level=None)) as rows:
        rows.execute("PRAGMA secure_delete = ON")
        for table, column in list(_columns(rows)):
            for number, value in rows.execute(f'SELECT rowid, "{column}" FROM "{table}"').fetchall():  # noqa: S608
                text = value.encode(errors="surrogatepass") if isinstance(value, str) else value
                if isinstance(text, bytes) and searcher.in_text(text):
                    clean = redacted(text, erased)
                    changed = clean.decode(errors="surrogatepass") if isinstance(value, str) else clean
                    rows.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (changed, number))  # noqa: S608
        rows.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        rows.execute("VACUUM")


def _columns(rows: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Yield the columns of all tables that have row ids."""
    tables = rows.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    for table, made_by in tables:
        if "WITHOUT ROWID" not in str(made_by).upper():
            yield from ((table, column[1]) for column in rows.execute(f'PRAGMA table_info("{table}")').fetchall())
