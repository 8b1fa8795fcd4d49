from pathlib import Path

import pyarrow.parquet as pq
import pytest

from components.core.contracts.errors import ContractError
from components.core.contracts.parquet import read_columns, read_shard, write_shard, write_shards
from components.core.contracts.records import Clip, Description, Sample
from tests.builders import make_clip, make_description, make_measurements, make_sample, make_tone


@pytest.mark.parametrize(
    "record",
    [
        make_clip(attributes={"gender": "female", "accent": "Scottish"}, describable=("gender",), speaker_id="s1"),
        make_description(measurements=make_measurements(tools={"pitch_hz": "x 1", "loudness_lufs": "y 2"})),
        make_sample(transcript="Hé, 你好 🙂\n"),
    ],
)
def test_a_record_comes_back_as_it_was_written(tmp_path: Path, record: Clip | Description | Sample) -> None:
    write_shard(tmp_path / "a.parquet", [record], type(record))

    assert list(read_shard(tmp_path / "a.parquet", type(record))) == [record]


def test_the_order_of_a_mapping_does_not_change_the_bytes(tmp_path: Path) -> None:
    for name, attributes in (("a", {"x": "1", "y": "2"}), ("b", {"y": "2", "x": "1"})):
        write_shard(tmp_path / name, [make_clip(attributes=attributes)], Clip)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_rows_are_cut_into_shards_and_read_back_in_order(tmp_path: Path) -> None:
    rows = [make_sample(prompt=f"Question {n}?") for n in range(5)]

    paths = list(write_shards(tmp_path, iter(rows), Sample, rows_per_shard=2))

    assert [path.name for path in paths] == ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    assert [row for path in paths for row in read_shard(path, Sample)] == rows


def test_a_file_of_another_record_is_refused_by_name(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.parquet", [make_sample()], Sample)

    with pytest.raises(ContractError, match=r"a\.parquet: holds Sample, not Clip rows"):
        list(read_shard(tmp_path / "a.parquet", Clip))


def test_a_file_of_another_contract_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_shard(path, [make_sample()], Sample)
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, b"desta.contract": b"0"}), path)

    with pytest.raises(ContractError, match="contract version 0, this code reads 1"):
        list(read_shard(path, Sample))


def test_a_row_with_an_impossible_value_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_shard(path, [make_sample()], Sample)
    table = pq.read_table(path)
    index = table.schema.get_field_index("domain")
    pq.write_table(table.set_column(index, table.schema.field(index), [["noise"]]), path)

    with pytest.raises(ContractError, match=r"row 0: domain: .*got 'noise'"):
        list(read_shard(path, Sample))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1", b"hello"])
def test_a_file_that_is_not_parquet_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.parquet").write_bytes(content)

    with pytest.raises(ContractError, match=r"a\.parquet: not a readable Parquet file"):
        list(read_shard(tmp_path / "a.parquet", Sample))


def test_other_tools_know_that_the_audio_column_plays(tmp_path: Path) -> None:
    clip = make_clip(pcm=make_tone(duration_s=0.5))
    write_shard(tmp_path / "a.parquet", [clip], Clip)

    schema = pq.read_schema(tmp_path / "a.parquet")

    assert [field.name for field in schema.field("audio").type] == ["bytes", "path"]
    assert b'"audio": {"sampling_rate": 16000, "_type": "Audio"}' in schema.metadata[b"huggingface"]


def test_some_columns_can_be_read_without_the_others(tmp_path: Path) -> None:
    clip = make_clip(speaker_id="ann")
    write_shard(tmp_path / "a.parquet", [clip, clip], Clip)

    found = read_columns(tmp_path / "a.parquet", Clip, ["speaker_id", "source.corpus", "segments.list.element.end_s"])

    assert found.to_pydict() == {"speaker_id": ["ann"] * 2, "source.corpus": ["test"] * 2, "segments": [[], []]}


def test_columns_of_another_record_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.parquet", [make_sample()], Sample)

    with pytest.raises(ContractError, match=r"a\.parquet: holds Sample, not Clip rows"):
        read_columns(tmp_path / "a.parquet", Clip, ["clip_id"])
