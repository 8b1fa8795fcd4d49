"""Rows of results, asked through DuckDB where they lie: nothing is copied, so nothing can go stale.

Shards have a few hundred rows and row groups of 64, whose footers cost most of a search: one narrow scan over an id
finds a row's file, and only then is the row itself read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import duckdb
from pydantic import ValidationError

from components.core.contracts.errors import ContractError
from components.core.contracts.records import Record

R = TypeVar("R", bound=Record)

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "temp_directory": "",
}
ID_LENGTH = 64
"""Characters of a whole digest."""
_NEAREST = 8
"""Files that are looked into at a time where the place of a row is nearly known."""


class Column(StrEnum):
    """What rows are found by."""

    SAMPLE = "sample_id"
    REFUSED_SAMPLE = "sample.sample_id"
    CLIP = "clip_id"
    FILE = "source.sha256"


@dataclass(frozen=True)
class Place:
    """Where a row is, and how far into its result that is, from 0 to 1."""

    file: Path
    row: int
    id: str
    share: float


class Records:
    """A connection to nothing: each question names the files that it is about."""

    def __init__(self) -> None:
        self._db = duckdb.connect(":memory:", config=_SETTINGS)
        # Remembered footers would be most of the memory, and a question reads each but a few times.
        self._db.execute("SET parquet_metadata_cache = false")
        # Row groups of 64 rows are too small to gain by it: a search takes a quarter longer with it.
        self._db.execute("SET disable_parquet_prefetching = true")

    def ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query; every value in it, names of files too, stands in `values`.

        Raises:
            ContractError: a file is missing or is not Parquet.
        """
        try:
            return self._db.execute(query, values).fetchall()
        except duckdb.Error as error:
            line = str(error).splitlines()[0]
            raise ContractError(f"lineage: {line}; `desta verify` says which result is damaged") from error

    def find(self, files: Sequence[Path], column: Column, prefix: str) -> list[Place]:
        """Return the rows whose id is this one, or begins so."""
        if not files:
            return []
        whole = len(prefix) == ID_LENGTH
        query = (
            f"SELECT filename, file_row_number, {column} FROM "  # noqa: S608 (one of four columns)
            "read_parquet($files, filename = true, file_row_number = true) WHERE "
            + (f"{column} = $low" if whole else f"{column} >= $low AND {column} < $high")
        )
        numbers = {str(file): number for number, file in enumerate(files)}
        bounds = {"low": prefix} if whole else {"low": prefix, "high": prefix + "g"}
        found = self.ask(query, files=[*numbers], **bounds)
        return [Place(Path(f), row, str(i), numbers[f] / len(files)) for f, row, i in sorted(found)]

    def samples_about(self, files: Sequence[Path], clip_id: str, *, refused: bool) -> list[tuple[str, str]]:
        """Return the samples about a clip, each with its split; `refused` rows have theirs inside."""
        if not files:
            return []
        inside = "sample." if refused else ""
        columns = f"{inside}sample_id, {inside}split"
        query = f"SELECT {columns} FROM read_parquet($files) WHERE {inside}clip_id = $clip"  # noqa: S608 (two forms)
        return [(str(i), str(split)) for i, split in self.ask(query, files=[*map(str, files)], clip=clip_id)]

    def near(self, files: Sequence[Path], clip_id: str, share: float) -> Place | None:
        """Return the row of a clip, looking first about where rows about it are in a later result.

        Stages keep the order of rows, so the place is nearly known; where they did not, all files are looked into.
        """
        expected = share * len(files)
        nearest = [file for _, file in sorted(enumerate(files), key=lambda each: abs(each[0] - expected))]
        for some in (nearest[:_NEAREST], nearest[_NEAREST:]):
            if found := self.find(some, Column.CLIP, clip_id):
                return found[0]
        return None

    def read(self, place: Place, record: type[R], *, without_audio: bool = False) -> R:
        """Read a row.

        Raises:
            ContractError: it is not valid.
        """
        columns = "* REPLACE (struct_pack(bytes := ''::BLOB, path := audio.path) AS audio)" if without_audio else "*"
        query = f"SELECT {columns} FROM read_parquet($files, file_row_number = true) WHERE file_row_number = $row"  # noqa: S608
        names = (*record.model_fields, "file_row_number")
        values = dict(zip(names, self.ask(query, files=[str(place.file)], row=place.row)[0], strict=True))
        del values["file_row_number"]
        try:
            return record.model_validate(values, strict=False)
        except (ValidationError, ValueError) as error:
            raise ContractError(f"{place.file}: row {place.row}: not a {record.__name__}; {error}") from error
