"""Hugging Face audio datasets as Parquet: a column of `struct<bytes, path>` and one for each thing known of a clip."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Split
from components.core.corpora.entries import Entry, files_below, name_of
from components.core.corpora.policy import CorpusPolicy
from components.core.corpora.repository import fetched

_COLUMNS = {"text": "transcript", "sentence": "transcript", "transcription": "transcript", "client_id": "speaker_id"}
_SPLITS = {
    "train": Split.TRAIN,
    "validation": Split.VALIDATION,
    "valid": Split.VALIDATION,
    "dev": Split.VALIDATION,
    "evaluation": Split.EVALUATION,
    "test": Split.EVALUATION,
}


@dataclass(frozen=True)
class ParquetCell:
    """Encoded audio in a Parquet file, by its place."""

    file: Path
    column: str
    row_group: int
    row: int

    def read(self) -> bytes:
        """Return the encoded audio; OSError where the file cannot be read or the cell is empty."""
        audio = _audio_column(self.file, self.column, self.row_group)[self.row].as_py()
        if audio is None or audio["bytes"] is None:
            raise OSError(0, "the row holds no audio bytes")
        return bytes(audio["bytes"])


@lru_cache(maxsize=4)
def _audio_column(file: Path, column: str, row_group: int) -> pa.ChunkedArray:
    """Rows are read in their order, so that a few row groups in memory serve all workers."""
    try:
        return pq.ParquetFile(file).read_row_group(row_group, columns=[column]).column(column)
    except pa.ArrowException as error:
        raise OSError(0, f"damaged Parquet: {error}") from error


def read_hf_parquet(folder: Path, policy: CorpusPolicy) -> Iterator[Entry]:
    """Yield the rows of all Parquet files, of the repository that the policy names or else of the folder.

    The name of a file or of its folder tells the split (`train-00000-of-00001.parquet`, `train/0000.parquet`).
    """
    files = files_below(fetched(folder, policy.repository) if policy.repository else folder, ".parquet")
    if not files:
        raise SourceError(f"{folder}: no .parquet below it; put the files of the dataset there")
    for file in files:
        try:
            yield from _entries(folder, file)
        except pa.ArrowException as error:
            raise SourceError(f"{file}: not Parquet, or cut off: {error}; fetch it again") from error


def _entries(folder: Path, file: Path) -> Iterator[Entry]:
    parquet = pq.ParquetFile(file)
    column = _audio_name(parquet.schema_arrow, file)
    told = [field.name for field in parquet.schema_arrow if not pa.types.is_nested(field.type)]
    split = _SPLITS.get(file.name.split("-")[0].split(".")[0]) or _SPLITS.get(file.parent.name)
    known = {"split": split.value} if split else {}
    for group in range(parquet.num_row_groups):
        for number, row in enumerate(parquet.read_row_group(group, columns=told).to_pylist()):
            place = f"{group}/{number}"
            yield Entry(
                where=f"{file}, row {place}",
                file=file,
                name=f"{name_of(file, folder)}/{place}",
                member=ParquetCell(file, column, group, number),
                cells={**_cells(row), **known},
            )


def _cells(row: dict[str, Any]) -> dict[str, str]:
    return {_COLUMNS.get(name, name): str(value) for name, value in row.items() if value is not None}


def _audio_name(schema: pa.Schema, file: Path) -> str:
    for field in schema:
        if pa.types.is_struct(field.type) and {part.name for part in field.type} >= {"bytes", "path"}:
            return str(field.name)
    raise SourceError(f"{file}: no audio column; want one of struct<bytes, path>, it has {', '.join(schema.names)}")
