"""What was erased is found in columns of any type, however deep it lies."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.erasure.searching import Searcher
from pipelines.erasure.subject import Subject, Traces

ID, OTHER = "ab" * 32, "cd" * 32
WORDS = "words that were said of it"
TEXT = pa.string()
TYPES: dict[str, tuple[pa.DataType, Any]] = {
    "text": (TEXT, lambda cell: cell),
    "large text": (pa.large_string(), lambda cell: cell),
    "bytes": (pa.binary(), str.encode),
    "bytes of one length": (pa.binary(64), str.encode),
    "dictionary": (pa.dictionary(pa.int32(), TEXT), lambda cell: cell),
    "list": (pa.list_(TEXT), lambda cell: ["x", cell]),
    "list of one length": (pa.list_(TEXT, 2), lambda cell: ["x", cell]),
    "struct": (pa.struct({"a": pa.int64(), "b": TEXT}), lambda cell: {"a": 1, "b": cell}),
    "key of a map": (pa.map_(TEXT, pa.int64()), lambda cell: {cell: 1}),
    "value of a map": (pa.map_(TEXT, TEXT), lambda cell: {"x": cell}),
    "list of structs": (pa.list_(pa.struct({"b": pa.list_(TEXT)})), lambda cell: [{"b": []}, {"b": [cell]}]),
}


def file_of(kind: pa.DataType, cells: list[Any], name: str = "it") -> bytes:
    """A file that is compressed and says nowhere what its least and its greatest cell are."""
    data = io.BytesIO()
    pq.write_table(pa.table({name: pa.array(cells, kind)}), data, compression="zstd", write_statistics=False)
    return data.getvalue()


def found(data: bytes, speaker: str | None = None) -> str | None:
    return searcher(speaker).find("x.parquet", data)


def searcher(speaker: str | None = None) -> Searcher:
    return Searcher(Traces(speaker=speaker, clips=(ID,), samples=(), sources=()), (WORDS,))


@pytest.mark.parametrize("column", TYPES)
@pytest.mark.parametrize("before", [0, 1, 100])
def test_an_id_in_any_column_is_found_and_nothing_in_its_place(column: str, before: int) -> None:
    kind, value = TYPES[column]
    # Arrow does not read back a list of one length that is not there.
    others = [value(OTHER)] * before if pa.types.is_fixed_size_list(kind) else [None, value(OTHER)] * before
    data = file_of(kind, [*others, value(ID), value(OTHER)])
    assert found(data) == f"the id {ID}"
    assert searcher().in_text(data) is None  # it was the column that told
    assert found(file_of(kind, others)) is None


@pytest.mark.parametrize("column", ["text", "list", "list of structs", "value of a map"])
def test_words_in_a_cell_are_found_and_not_across_two(column: str) -> None:
    kind, value = TYPES[column]
    assert found(file_of(kind, [value("x"), value(f"the {WORDS}.")])) == "words of it"
    assert found(file_of(kind, [value("words that were "), value("said of it")])) is None


def test_a_speaker_is_known_by_the_name_of_the_column_that_is_nearest() -> None:
    speaker, segments = Subject(kind="speaker", name="ada").digest, pa.list_(pa.struct({"speaker_id": TEXT}))
    told = [[{"speaker_id": "bob"}, {"speaker_id": "ada"}]]
    assert found(file_of(segments, told, "segments"), speaker) == "a row of the speaker"
    assert found(file_of(TEXT, ["bob", None, "ada"], "speaker_id"), speaker) == "a row of the speaker"
    assert found(file_of(TEXT, ["ada"], "name"), speaker) is None
