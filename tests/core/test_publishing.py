from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.core.contracts.errors import SourceError
from components.core.publishing import explaining_no_room, place, published, write_file


def test_a_folder_appears_only_when_the_block_ends_well(tmp_path: Path) -> None:
    def fail() -> None:
        with published(tmp_path / "a") as draft:
            (draft / "x").write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert not (tmp_path / "a").exists()


def test_what_a_killed_writer_left_does_not_get_into_the_next_result(tmp_path: Path) -> None:
    killed = published(tmp_path / "a")
    (killed.__enter__() / "old").write_text("half")

    with published(tmp_path / "a") as draft:
        (draft / "new").write_text("whole")

    assert [path.name for path in (tmp_path / "a").iterdir()] == ["new"]


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write_file(tmp_path / "sub" / "a", "one")
    write_file(tmp_path / "sub" / "a", b"two")

    assert [(p.name, p.read_text()) for p in (tmp_path / "sub").iterdir()] == [("a", "two")]


def test_writers_of_one_number_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    """Pods of one volume have the same process numbers, as threads have."""
    texts = [str(number) * 50_000 for number in range(8)]
    with ThreadPoolExecutor(8) as writers:
        for _ in range(10):
            list(writers.map(lambda text: write_file(tmp_path / "a", text), texts))
            assert (tmp_path / "a").read_text() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_placed_result_has_the_same_files_and_takes_no_room(tmp_path: Path) -> None:
    (tmp_path / "a" / "docs").mkdir(parents=True)
    (tmp_path / "a" / "docs" / "x").write_text("hello")

    place(tmp_path / "a", tmp_path / "out" / "b")

    assert (tmp_path / "out" / "b" / "docs" / "x").samefile(tmp_path / "a" / "docs" / "x")


def test_a_full_disk_is_explained_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as ended, explaining_no_room("a stage", tmp_path):
        Path("/dev/full").write_text("x")

    assert str(ended.value).startswith(f"a stage: could not write to {tmp_path}: No space left on device (")
    assert "\n" not in str(ended.value)


def test_what_is_no_full_disk_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), explaining_no_room("a stage", tmp_path):
        (tmp_path / "none" / "file").write_text("x")
