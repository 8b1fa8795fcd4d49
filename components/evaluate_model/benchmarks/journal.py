"""Records in a file that only grows: each is on the disk before the next is waited for, and a kill costs none."""

import os
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from components.core.contracts.errors import ContractError
from components.core.contracts.records import Record
from components.core.publishing import write_file

R = TypeVar("R", bound=Record)


class Journal(Generic[R]):
    """The records of one kind in a file, one a line; one process writes at a time."""

    def __init__(self, file: Path, kind: type[R]) -> None:
        """Read what was kept; a last line that a kill tore is cut away.

        Raises:
            ContractError: another line is damaged.
        """
        self._file = file
        self.records: list[R] = _read(file, kind)

    def keep(self, record: R) -> None:
        """Write a record to the disk."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as lines:
            lines.write(record.model_dump_json() + "\n")
            lines.flush()
            os.fsync(lines.fileno())
        self.records.append(record)


def _read(file: Path, kind: type[R]) -> list[R]:
    if not file.is_file():
        return []
    kept = file.read_bytes()
    whole = kept[: kept.rfind(b"\n") + 1]
    if len(whole) < len(kept):
        write_file(file, whole)
    return [_record(file, number, line, kind) for number, line in enumerate(whole.splitlines(), 1)]


def _record(file: Path, number: int, line: bytes, kind: type[R]) -> R:
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        raise ContractError(f"{file}: line {number} is no {kind.__name__}; remove the file to begin again") from error
