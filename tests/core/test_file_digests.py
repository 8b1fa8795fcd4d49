"""A digest is remembered only while its file is as it was."""

import os
import time
from pathlib import Path

import pytest

from components.core import file_digests
from components.core.contracts.errors import ContractError
from components.core.digests import digest_of_bytes, digest_of_file
from components.core.file_digests import FileDigests


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read from here on."""
    names: list[str] = []

    def spied(path: Path) -> str:
        names.append(path.name)
        return digest_of_file(path)

    monkeypatch.setattr(file_digests, "digest_of_file", spied)
    monkeypatch.setattr(file_digests, "_SETTLED_NS", 0)
    return names


def test_an_untouched_file_is_read_once_also_by_the_next_process(tmp_path: Path, read: list[str]) -> None:
    file = tmp_path / os.fsdecode(b"caf\xe9.flac")
    file.write_bytes(b"sound")
    for _ in range(3):
        assert FileDigests(tmp_path / "d.sqlite")(file) == digest_of_bytes(b"sound")
    assert len(read) == 1


@pytest.mark.usefixtures("read")
def test_other_bytes_of_the_same_size_and_date_are_noticed(tmp_path: Path) -> None:
    file, digests = tmp_path / "a", FileDigests(tmp_path / "d.sqlite")
    file.write_bytes(b"one")
    before = file.stat()
    digests(file)
    time.sleep(0.02)  # one tick of the disk's clock
    file.write_bytes(b"two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert digests(file) == digest_of_bytes(b"two")


def test_a_file_written_just_now_is_read_again(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_digests, "_SETTLED_NS", 60_000_000_000)
    file, digests = tmp_path / "a", FileDigests(tmp_path / "d.sqlite")
    file.write_bytes(b"one")
    digests(file)
    digests(file)
    assert read == ["a", "a"]


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileDigests(tmp_path / "d.sqlite")(tmp_path / "absent")


def test_something_else_in_the_database_s_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "d.sqlite").write_bytes(b"this is a letter, and no database" * 100)
    with pytest.raises(ContractError, match=r"d\.sqlite: file is not a database; remove it"):
        FileDigests(tmp_path / "d.sqlite")
