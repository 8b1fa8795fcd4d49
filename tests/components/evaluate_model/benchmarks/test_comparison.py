import json
from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError
from components.evaluate_model.benchmarks.comparison import Difference, compare
from components.evaluate_model.benchmarks.mmau import MMAU
from components.evaluate_model.benchmarks.scoring import Result, read_material, score
from tests.components.evaluate_model.benchmarks.test_mmau import row

ITEMS = 40


def result(folder: Path, right: int, *, seed: int = 1, post: str = "as-it-is", items: int = ITEMS) -> Result:
    """Score predictions of which so many are right."""
    file = folder / "predictions.json"
    rows = [row(f"{n:02}", model_output="Man" if n < right else "Woman") for n in range(items)]
    file.write_text(json.dumps(rows))
    return score(MMAU, read_material(MMAU, file, None), None, post=post, seed=seed, resamples=400)


def total(differences: tuple[Difference, ...]) -> Difference:
    return next(difference for difference in differences if difference.name == "mmau")


def test_more_right_answers_are_better_and_fewer_worse(tmp_path: Path) -> None:
    many, few = result(tmp_path, 30), result(tmp_path, 10)
    up, down = total(compare(MMAU, many, few)), total(compare(MMAU, few, many))
    assert (up.value, up.better, up.worse) == (0.5, True, False)
    assert (down.value, down.better, down.worse) == (-0.5, False, True)


def test_one_more_right_answer_is_no_clear_difference(tmp_path: Path) -> None:
    change = total(compare(MMAU, result(tmp_path, 21), result(tmp_path, 20)))
    assert change.value == pytest.approx(1 / ITEMS)
    assert not change.better
    assert not change.worse


def test_equal_predictions_differ_by_nothing(tmp_path: Path) -> None:
    change = total(compare(MMAU, result(tmp_path, 20), result(tmp_path, 20)))
    assert (change.value, change.low, change.high) == (0.0, 0.0, 0.0)


def test_results_that_rest_on_different_things_are_not_compared(tmp_path: Path) -> None:
    ours = result(tmp_path, 20)
    others = {
        "post": result(tmp_path, 20, post="without-prefix"),
        "seed": result(tmp_path, 20, seed=2),
        "items": result(tmp_path, 20, items=ITEMS - 1),
    }
    for name, other in others.items():
        with pytest.raises(ConfigurationError, match=f"results cannot be compared: {name} is"):
            compare(MMAU, ours, other)


def test_groups_whose_members_depend_on_the_system_are_not_paired(tmp_path: Path) -> None:
    ours, theirs = result(tmp_path, 20), result(tmp_path, 10)
    marks = [
        mark.model_copy(update={"groups": (*mark.groups, "right before")}) if mark.value else mark
        for mark in theirs.marks
    ]
    names = {difference.name for difference in compare(MMAU, ours, theirs.model_copy(update={"marks": tuple(marks)}))}
    assert "mmau" in names
    assert "right before" not in names
