from pathlib import Path

import pytest

from components.core.contracts.errors import ContractError
from components.train_model.checkpoints import (
    best_checkpoint,
    check_made_with,
    drop_after,
    new_draft,
    newest_checkpoint,
    publish_checkpoint,
)

MADE_WITH = {"weights": "a" * 64, "tokenizer": "b" * 64, "chat_template": "c" * 64}


def save(folder: Path, steps: int, loss: float | None = None) -> Path:
    draft = new_draft(folder)
    (draft / "state").mkdir()
    (draft / "state" / "weights.pt").write_bytes(bytes(steps))
    publish_checkpoint(draft, steps, MADE_WITH, loss)
    return folder / f"step-{steps:07d}"


def steps_of(folder: Path) -> int | None:
    found = newest_checkpoint(folder)
    return found[1].steps_done if found else None


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    for steps in (10, 20, 30):
        save(tmp_path, steps)

    assert steps_of(tmp_path) == 30
    assert names(tmp_path) == ["step-0000020", "step-0000030"]


def test_the_one_of_the_lowest_validation_loss_is_kept_too(tmp_path: Path) -> None:
    for steps, loss in ((10, 0.5), (20, 0.4), (30, None), (40, 0.7), (50, 0.6)):
        save(tmp_path, steps, loss)

    assert best_checkpoint(tmp_path) == (tmp_path / "step-0000020", 0.4, 20)
    assert names(tmp_path) == ["step-0000020", "step-0000040", "step-0000050"]


def test_of_two_alike_the_earlier_is_the_best(tmp_path: Path) -> None:
    earlier = save(tmp_path, 10, 0.5)
    save(tmp_path, 20, 0.5)

    assert best_checkpoint(tmp_path) == (earlier, 0.5, 10)


def test_an_unfinished_checkpoint_is_none(tmp_path: Path) -> None:
    save(tmp_path, 10)
    (new_draft(tmp_path) / "weights.pt").write_bytes(b"half")

    assert steps_of(tmp_path) == 10


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("flip", "weights.pt: content changed since it was written"),
        ("cut", "weights.pt: content changed since it was written"),
        ("remove", "weights.pt: missing"),
        ("no marker", "no checkpoint.json: it was never finished"),
        ("marker cut", "checkpoint.json: not readable: Invalid JSON"),
        ("marker of another kind", "checkpoint.json: not readable: Field required"),
        ("marker not text", "checkpoint.json: not readable: Invalid JSON"),
    ],
)
def test_a_damaged_checkpoint_is_passed_over_with_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str, said: str
) -> None:
    save(tmp_path, 10, 0.9)
    newest = save(tmp_path, 20, 0.5)
    _damage(newest / "state" / "weights.pt", newest / "checkpoint.json", damage)

    assert steps_of(tmp_path) == 10
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]
    assert lines[0].endswith("; passed over")
    best = best_checkpoint(tmp_path)
    assert best is not None
    assert best[2] == 10
    assert capsys.readouterr().err.splitlines() == lines


def _damage(file: Path, marker: Path, damage: str) -> None:
    match damage:
        case "flip":
            file.write_bytes(b"\1" + file.read_bytes()[1:])
        case "cut":
            file.write_bytes(file.read_bytes()[:-1])
        case "remove":
            file.unlink()
        case "no marker":
            marker.unlink()
        case "marker cut":
            marker.write_bytes(marker.read_bytes()[:-5])
        case "marker of another kind":
            marker.write_text('{"steps_done": 20}')
        case "marker not text":
            marker.write_bytes(b"\xff\xfe\0")


def test_what_comes_after_a_step_is_forgotten(tmp_path: Path) -> None:
    save(tmp_path, 10)
    save(tmp_path, 20)

    drop_after(tmp_path, 10)

    assert names(tmp_path) == ["step-0000010"]


def test_a_checkpoint_that_is_made_again_takes_the_place_of_what_is_left_of_it(tmp_path: Path) -> None:
    save(tmp_path, 10)
    (tmp_path / "step-0000010" / "checkpoint.json").unlink()

    save(tmp_path, 10)

    assert steps_of(tmp_path) == 10


@pytest.mark.parametrize("part", MADE_WITH)
def test_a_training_that_would_go_on_with_another_model_is_stopped_and_told_what_differs(
    tmp_path: Path, part: str
) -> None:
    save(tmp_path, 10)
    found = newest_checkpoint(tmp_path)
    assert found is not None

    check_made_with(found[1], MADE_WITH)
    with pytest.raises(ContractError, match=f"after 10 steps was made with something else: {part} was .* and is fffff"):
        check_made_with(found[1], {**MADE_WITH, part: "f" * 64})


def test_nothing_is_found_where_nothing_was_saved(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path / "none") is None
