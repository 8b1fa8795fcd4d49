"""Tables of what a corpus says of its files: CSV with a header, or one JSON object a line; UTF-8."""

import csv
import json
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
    return _read_jsonl(path) if path.suffix == ".jsonl" else _read_csv(path)


def _read_csv(path: Path) -> Iterator[TableRow]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            _check_columns(header, f"{path}, line 1")
            for cells in reader:
                if cells and len(cells) != len(header):
                    raise SourceError(
                        f"{path}, line {reader.line_num}: {len(cells)} cells, the header has {len(header)}; "
                        "put cells with a comma or a line break between double quotes"
                    )
                if cells:
                    yield TableRow(path, reader.line_num, dict(zip(header, cells, strict=True)))
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


def _read_jsonl(path: Path) -> Iterator[TableRow]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield TableRow(path, number, _json_cells(line, f"{path}, line {number}"))


def _json_cells(line: bytes, where: str) -> dict[str, str]:
    try:
        # Pairs and not a dict: JSON lets a key stand twice, and the first value would be lost.
        pairs = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_Pairs, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise SourceError(f"{where}: not UTF-8; save it as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{where}: not JSON: {error}; mend the line") from error
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
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise SourceError(f"{where}: {text[:60]!a} is not Unicode text; write it again")
    return text
