"""Rows of clips in any Parquet file, some at a time, to the end of the file or to where it is damaged."""

from pathlib import Path

import pyarrow.parquet as pq

from components.core.contracts.records import Clip
from pipelines.erasure.places import item_of
from pipelines.erasure.rows import clip_rows
from tests.benchmarks.lineage import table
from tests.builders import make_clip

CLIPS = 2000


def _written(folder: Path) -> Path:
    """A file of clips in four groups of rows."""
    file = folder / "clips.parquet"
    ids = [f"{number:064x}" for number in range(CLIPS)]
    pq.write_table(table(Clip, make_clip(), {"clip_id": ids}), file, row_group_size=500, compression="zstd")
    return file


def test_more_rows_than_are_read_at_once_all_come_in_their_order(tmp_path: Path) -> None:
    found = list(clip_rows([item_of(_written(tmp_path), tmp_path, "x")]))
    assert [row.clip_id for row in found] == [f"{number:064x}" for number in range(CLIPS)]


def test_a_file_that_is_damaged_in_the_middle_gives_the_rows_before_that(tmp_path: Path) -> None:
    file = _written(tmp_path)
    start = pq.read_metadata(file).row_group(2).column(0).dictionary_page_offset
    start = start or pq.read_metadata(file).row_group(2).column(0).data_page_offset
    content = bytearray(file.read_bytes())
    content[start : start + 400] = b"\xff" * 400
    file.write_bytes(content)
    found = list(clip_rows([item_of(file, tmp_path, "x")]))
    assert [row.clip_id for row in found] == [f"{number:064x}" for number in range(len(found))]
    assert 0 < len(found) < CLIPS
