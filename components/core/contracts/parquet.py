"""Parquet shards of records: the schema follows from the record, rows are checked when they are read."""

import json
import types
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar, Union, get_args, get_origin

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from components.core.contracts.errors import ContractError
from components.core.contracts.records import CONTRACT_VERSION, SAMPLE_RATE_HZ, Audio, Record

R = TypeVar("R", bound=Record)

_SCALARS: dict[Any, pa.DataType] = {
    str: pa.string(),
    float: pa.float64(),
    int: pa.int64(),
    bool: pa.bool_(),
    bytes: pa.binary(),
}
_READ_ROWS = 64


def schema_of(record: type[Record]) -> pa.Schema:
    """Derive the Arrow schema of a record, with its name and the contract version as file metadata.

    Audio columns carry the mark by which `datasets.load_dataset("parquet", …)` knows that it can play them.
    """
    fields = [_field(name, info.annotation) for name, info in record.model_fields.items()]
    audio = [name for name, info in record.model_fields.items() if info.annotation is Audio]
    features = {name: {"sampling_rate": SAMPLE_RATE_HZ, "_type": "Audio"} for name in audio}
    metadata = {"desta.contract": CONTRACT_VERSION, "desta.record": record.__name__}
    if features:
        metadata["huggingface"] = json.dumps({"info": {"features": features}})
    return pa.schema(fields, metadata=metadata)


def _field(name: str, annotation: Any) -> pa.Field:
    arguments = get_args(annotation)
    optional = get_origin(annotation) in (Union, types.UnionType) and type(None) in arguments
    kind = next(a for a in arguments if a is not type(None)) if optional else annotation
    return pa.field(name, _type(kind), nullable=optional)


def _type(kind: Any) -> pa.DataType:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _SCALARS:
        return _SCALARS[kind]
    if origin is Literal or (isinstance(kind, type) and issubclass(kind, StrEnum)):
        return pa.string()
    if origin is tuple:
        return pa.list_(_type(arguments[0]))
    if origin is dict:
        return pa.map_(_type(arguments[0]), _type(arguments[1]))
    if isinstance(kind, type) and issubclass(kind, Record):
        return pa.struct([_field(name, info.annotation) for name, info in kind.model_fields.items()])
    raise TypeError(f"no Arrow type for {kind!r}")


def write_shard(path: Path | BinaryIO, records: Iterable[Record], record: type[Record]) -> int:
    """Write one Parquet file, a few rows in memory at a time, and return its number of rows.

    Equal records give equal bytes.
    """
    schema, rest, written = schema_of(record), iter(records), 0
    together = rows_together(record)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while rows := [_ordered(r.model_dump()) for r in islice(rest, together)]:
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
            written += len(rows)
    return written


def rows_together(record: type[Record]) -> int:
    """Return how many rows of a record are written together: audio fills memory, many groups cost who seeks one row."""
    return 64 if any(info.annotation is Audio for info in record.model_fields.values()) else 512


def _ordered(value: Any) -> Any:
    """Sort the keys of every mapping, since the order of a map column is part of the file's bytes."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    return value


def write_shards(folder: Path, records: Iterable[R], record: type[R], rows_per_shard: int) -> Iterator[Path]:
    """Write records as `part-00000.parquet`, `part-00001.parquet`, …, and yield each one when it is whole."""
    rows = iter(records)
    for number, first in enumerate(rows):
        path = folder / f"part-{number:05d}.parquet"
        write_shard(path, chain([first], islice(rows, rows_per_shard - 1)), record)
        yield path


def read_shard(path: Path, record: type[R]) -> Iterator[R]:
    """Yield the records of one Parquet file, a few rows in memory at a time.

    Raises:
        ContractError: the file is not Parquet, has another record or contract, or a row is not valid.
    """
    with _opened(path, record) as file:
        number = 0
        for batch in file.iter_batches(batch_size=_READ_ROWS):
            for row in batch.to_pylist(maps_as_pydicts="strict"):
                yield _record(path, number, row, record)
                number += 1


def read_columns(path: Path, record: type[Record], names: Sequence[str]) -> pa.Table:
    """Return some columns of a Parquet file, such as `clip_id` or `source.corpus`.

    What is inside a list, as `segments.list.element.speaker_id`, comes as a list of structs under the list's name.

    Raises:
        ContractError: the file is not Parquet, or has another record or contract.
    """
    with _opened(path, record) as file:
        found = file.read(columns=list(names)).flatten()
    return found.select([name.partition(".list.")[0] for name in names])


def _opened(path: Path, record: type[Record]) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise ContractError(f"{path}: not a readable Parquet file: {error}") from error
    _check_schema(path, file.schema_arrow, record)
    return file


def _check_schema(path: Path, found: pa.Schema, record: type[Record]) -> None:
    wanted = schema_of(record)
    metadata = found.metadata or {}
    version = metadata.get(b"desta.contract", b"none").decode()
    if version != CONTRACT_VERSION:
        raise ContractError(
            f"{path}: contract version {version}, this code reads {CONTRACT_VERSION}; make the data again"
        )
    if not found.equals(wanted):
        raise ContractError(f"{path}: holds {metadata.get(b'desta.record', b'?').decode()}, not {record.__name__} rows")


def _record(path: Path, number: int, row: dict[str, Any], record: type[R]) -> R:
    try:
        # The schema has settled the types; lax mode only turns text into enums and lists into tuples.
        return record.model_validate(row, strict=False)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ContractError(f"{path}: row {number}: {where}: {first['msg']}, got {first['input']!r}") from error
