"""Rows of the files that people have, JSON lists, objects by key and lines, each with its place for errors."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.contracts.errors import SourceError
from components.core.corpora.tables import check_unicode


@dataclass(frozen=True)
class Row:
    """A JSON object with the place where it stands; `key` is its name, where the file or the benchmark gives it one."""

    where: str
    values: Mapping[str, Any]
    key: str = ""

    def text(self, *names: str) -> str:
        """Return the text under the first of these names that is there.

        Raises:
            SourceError: none is there, or it is no text.
        """
        found = self.optional_text(*names)
        if found is None:
            raise SourceError(f"{self.where}: no {' or '.join(map(repr, names))}; it has {_names(self.values)}")
        return found

    def name(self, *names: str) -> str:
        """Return the text under the first of these names that is there, which may not be empty.

        Raises:
            SourceError: none is there, or it is no text or empty.
        """
        found = self.text(*names)
        if not found:
            raise SourceError(f"{self.where}: {' or '.join(map(repr, names))} is empty")
        return found

    def optional_text(self, *names: str) -> str | None:
        """Return the text under the first of these names that is there, if any; `null` counts as absent.

        Raises:
            SourceError: it is no text.
        """
        name = next((name for name in names if self.values.get(name) is not None), None)
        if name is None:
            return None
        if not isinstance(value := self.values[name], str):
            raise SourceError(f"{self.where}: {name!r} is no text but {_shown(value)}")
        check_unicode(value, f"{self.where}: {name!r}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; what is absent is empty.

        Raises:
            SourceError: it is no list of texts.
        """
        found = self.values.get(name) or []
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise SourceError(f"{self.where}: {name!r} is no list of texts but {_shown(found)}")
        return tuple(found)


def read_rows(file: Path) -> Iterator[Row]:
    """Yield the rows of a file in their order.

    Raises:
        SourceError: there is no such file, it is no JSON, or something in it is no object.
    """
    yield from _lines(file, _text(file)) if file.suffix in {".jsonl", ".ndjson"} else rows_in(file, read_json(file))


def read_json(file: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        SourceError: there is no such file, or it is no JSON.
    """
    return _parsed(str(file), _text(file))


def as_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """Write rows as JSON lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def as_list(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as a JSON list."""
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def _text(file: Path) -> str:
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{file}: cannot be read as text: {error}") from error
    if not text.strip():
        raise SourceError(f"{file}: is empty")
    return text


def _lines(file: Path, text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            where = f"{file}: line {number}"
            yield _row(where, _parsed(where, line))


def rows_in(file: Path, found: Any) -> Iterator[Row]:
    """Yield the rows of a list, or of an object of rows, that was found in a file.

    Raises:
        SourceError: it is neither, or something in it is no object.
    """
    if isinstance(found, dict):
        for key, value in found.items():
            yield _row(f"{file}: {key!r}", value, key)
    elif isinstance(found, list):
        for number, value in enumerate(found, 1):
            yield _row(f"{file}: row {number}", value)
    else:
        raise SourceError(f"{file}: want a list or an object of rows, got {_shown(found)}")


def _row(where: str, value: Any, key: str = "") -> Row:
    if not isinstance(value, dict):
        raise SourceError(f"{where}: want an object, got {_shown(value)}")
    return Row(where, value, key)


def _parsed(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise SourceError(f"{where}: no JSON: {error}") from error


def _names(values: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, list(values)[:8])) or "nothing"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
