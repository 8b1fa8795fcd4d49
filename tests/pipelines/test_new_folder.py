import errno
from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError, SourceError
from pipelines.new_folder import check_new, new_folder


def test_a_folder_appears_when_it_is_finished(tmp_path: Path) -> None:
    with new_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("1")
        assert not (tmp_path / "out").exists()

    assert [path.name for path in tmp_path.rglob("*")] == ["out", "a"]


def write_on_a_full_disk(to: Path) -> None:
    with new_folder(to) as folder:
        (folder / "a").write_text("1")
        raise OSError(errno.ENOSPC, "No space left on device")


def test_what_cannot_be_finished_does_not_stay(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="out: cannot be written: No space left"):
        write_on_a_full_disk(tmp_path / "out")

    assert not list(tmp_path.iterdir())


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")

    for taken in (tmp_path, tmp_path / "broken"):
        with pytest.raises(ConfigurationError, match="exists; name a folder that does not exist yet"):
            check_new(taken)
