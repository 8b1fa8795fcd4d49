"""Tables of what a corpus says of its files: CSV with a header, or one JSON object a line; UTF-8."""

import csv
import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.contracts.errors import SourceError


@dataclass(frozen=True)
class TableRow:
    """A line of a table as text by column; its name says where it stands."""

    table: Path
    line: int
    cells: dict[str, str]

    def __str__(self) -> str:
        return f"{self.table}, line {self.line}"


def read_table(path: Path) -> Iterator[TableRow]:
    """Yield the rows of a `.csv` or `.jsonl` file, one in memory at a time.

    Raises:
        SourceError: it cannot be read as what it is named; the message has the line and what to do.
    """
    return read_jsonl(path) if path.suffix == ".jsonl" else _read_csv(path)


def read_delimited(path: Path, delimiter: str, header: Sequence[str] | None = None) -> Iterator[TableRow]:
    """Yield the rows of a file whose cells are never quoted; without a `header` its first line is one.

    Raises:
        SourceError: it is not such a table; the message has the line and what to do.
    """
    return _rows(path, header, "mend the line", delimiter=delimiter, quoting=csv.QUOTE_NONE)


def _read_csv(path: Path) -> Iterator[TableRow]:
    return _rows(path, None, "put cells with a comma or a line break between double quotes", strict=True)


def _rows(path: Path, header: Sequence[str] | None, mend: str, **dialect: Any) -> Iterator[TableRow]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, **dialect)
        try:
            names = next(reader, []) if header is None else list(header)
            _check_columns(names, f"{path}, line 1")
            for cells in reader:
                if cells and len(cells) != len(names):
                    raise SourceError(
                        f"{path}, line {reader.line_num}: {len(cells)} cells, the header has {len(names)}; {mend}"
                    )
                if cells:
                    yield TableRow(path, reader.line_num, dict(zip(names, cells, strict=True)))
        except UnicodeDecodeError as error:
            raise SourceError(f"{path}, after line {reader.line_num}: not UTF-8; save it as UTF-8") from error
        except csv.Error as error:
            raise SourceError(f"{path}, line {reader.line_num}: not CSV: {error}; mend the line") from error


def _check_columns(names: Sequence[str], where: str) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise SourceError(f"{where}: column {twice[0]!r} is there {names.count(twice[0])} times; keep one")
    if not all(name.strip() for name in names):
        raise SourceError(f"{where}: a column without a name; name it or remove it")


def read_jsonl(path: Path) -> Iterator[TableRow]:
    """Yield the rows of a file with one flat JSON object a line; SourceError as for `read_table`."""
    for number, line in _lines(path):
        yield TableRow(path, number, _json_cells(line, f"{path}, line {number}"))


def read_objects(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the JSON objects of a file, one a line, each with where it stands; nested values stay as they are.

    Raises:
        SourceError: a line is not a JSON object; the message has the line and what to do.
    """
    for number, line in _lines(path):
        where = f"{path}, line {number}"
        found = _parsed(line, where, None)
        if not isinstance(found, dict):
            raise SourceError(f"{where}: want one object {{…}} a line, got {str(found)[:60]!r}")
        yield where, found


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        try:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise SourceError(f"{path}: not gzip, or cut off: {error}; fetch it again") from error


def _parsed(line: bytes, where: str, members: type[list[Any]] | None) -> Any:
    try:
        return json.loads(line.decode("utf-8-sig"), object_pairs_hook=members, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise SourceError(f"{where}: not UTF-8; save it as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{where}: not JSON: {error}; mend the line") from error


def _json_cells(line: bytes, where: str) -> dict[str, str]:
    # Pairs and not a dict: JSON lets a key stand twice, and the first value would be lost.
    pairs = _parsed(line, where, _Pairs)
    if not isinstance(pairs, _Pairs):
        raise SourceError(f"{where}: want one object {{…}} a line, got {str(pairs)[:60]!r}")
    _check_columns([name for name, _ in pairs], where)
    return {name: _cell(value, f"{where}: {name}") for name, value in pairs}


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object in their order."""


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _cell(value: Any, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        raise SourceError(f"{where}: want text or a number, got {str(value)[:60]}")
    text = value if isinstance(value, str) else json.dumps(value)
    check_unicode(text, where)
    return text


def check_unicode(text: str, where: str) -> None:
    """Make sure that text can be written: JSON lets half of a surrogate pair stand alone; SourceError names it."""
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise SourceError(f"{where}: {text[:60]!a} is not Unicode text; write it again")
