"""A folder of audio files with an optional `metadata.csv` or `metadata.jsonl` in the standard columns."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from components.core.contracts.errors import SourceError
from components.core.corpora.entries import AUDIO_SUFFIXES, COLUMNS, Entry, file_entry, files_below, name_of
from components.core.corpora.policy import POLICY_FILE, CorpusPolicy, plain
from components.core.corpora.tables import TableRow, read_table

TABLE_FILES = ("metadata.csv", "metadata.jsonl")


def read_folder(folder: Path, policy: CorpusPolicy) -> Iterator[Entry]:
    """Yield the files that the table lists, or all audio files where there is none."""
    tables = [folder / name for name in TABLE_FILES if (folder / name).is_file()]
    if len(tables) > 1:
        raise SourceError(f"{folder}: has {' and '.join(TABLE_FILES)}; keep one")
    return _listed(folder, tables[0]) if tables else _unannotated(folder, policy)


def _unannotated(folder: Path, policy: CorpusPolicy) -> Iterator[Entry]:
    if policy.attributes:
        raise SourceError(f"{folder / POLICY_FILE}: attributes without a {' or '.join(TABLE_FILES)} that has them")
    for file in files_below(folder, *AUDIO_SUFFIXES):
        yield Entry(where=str(folder / POLICY_FILE), file=file, name=name_of(file, folder))


def _listed(folder: Path, table: Path) -> Iterator[Entry]:
    columns: set[str] = set()
    for row in read_table(table):
        if "path" not in row.cells:
            raise SourceError(f"{row}: no column `path`; it has {', '.join(row.cells) or 'none'}")
        _check_names(row, columns)
        yield file_entry(folder, row.cells["path"], str(row), row.cells)


def _check_names(row: TableRow, columns: set[str]) -> None:
    """Gather the names of the columns; one that nearly has the name of a standard column is a mistake."""
    for column in row.cells.keys() - columns:
        if column not in COLUMNS and (meant := get_close_matches(plain(column), COLUMNS, n=1, cutoff=0.85)):
            raise SourceError(f"{row}: column {column!r}: write `{meant[0]}`, or give the attribute another name")
        columns.add(column)
