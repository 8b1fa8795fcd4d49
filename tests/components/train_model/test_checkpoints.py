from pathlib import Path

import pytest

from components.train_model.checkpoints import new_draft, newest_checkpoint, publish_checkpoint


def save(folder: Path, steps: int) -> Path:
    draft = new_draft(folder)
    (draft / "state").mkdir()
    (draft / "state" / "weights.pt").write_bytes(bytes(steps))
    publish_checkpoint(draft, steps)
    return folder / f"step-{steps:07d}"


def test_the_newest_checkpoint_is_found_and_the_older_dropped(tmp_path: Path) -> None:
    save(tmp_path, 10)
    newest = save(tmp_path, 20)

    assert newest_checkpoint(tmp_path) == (newest, 20)
    assert [path.name for path in tmp_path.iterdir()] == ["step-0000020"]


def test_an_unfinished_checkpoint_is_none(tmp_path: Path) -> None:
    kept = save(tmp_path, 10)
    (new_draft(tmp_path) / "weights.pt").write_bytes(b"half")

    assert newest_checkpoint(tmp_path) == (kept, 10)


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, damage: str) -> None:
    file = save(tmp_path, 10) / "state" / "weights.pt"
    if damage == "remove":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] if damage == "cut" else b"\1" + file.read_bytes()[1:])

    assert newest_checkpoint(tmp_path) is None


def test_nothing_is_found_where_nothing_was_saved(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path / "none") is None
