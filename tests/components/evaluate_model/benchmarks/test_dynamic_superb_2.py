import json
import math
import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.comparison import compare
from components.evaluate_model.benchmarks.dynamic_superb.phase2 import (
    DYNAMIC_SUPERB_2,
    number_in,
    question_of,
    verdict_in,
)
from components.evaluate_model.benchmarks.dynamic_superb.regression import (
    CORRELATIONS,
    ERRORS,
    STATISTICS,
    kendall_correlation,
    rank_correlation,
)
from components.evaluate_model.benchmarks.judging import Question
from components.evaluate_model.benchmarks.records import Figure, Mark, Outcome
from components.evaluate_model.benchmarks.scoring import Result, read_items, read_material, score
from tests.components.evaluate_model.benchmarks.instances import instance, predictions, row
from tests.components.evaluate_model.benchmarks.judges import Scripted
from tests.components.evaluate_model.benchmarks.marks import make_mark


def as_told(question: Question) -> str | None:
    """Says of a response what the response itself says of it; nothing at all about `(the budget is spent)`."""
    said = question.prompt.rsplit("The model's answer:\n", 1)[1]
    if said == "(the budget is spent)":
        return None
    verdicts = {"right": "It is that.\nVerdict: agrees", "wrong": "It is not.\nVerdict: disagrees"}
    return verdicts.get(said, f"Number: {said}")


def said(folder: Path, name: str, metrics: Sequence[str] | None, *pairs: tuple[str, str | None]) -> Path:
    """Write an instance, and a folder with its predictions, of labels and responses."""
    rows = {f"{number:03}.wav": row(label) for number, (label, _) in enumerate(pairs)}
    instance(folder / "data", name, rows, metrics)
    answered = {
        key: {**values, "prediction": response}
        for (key, values), (_, response) in zip(rows.items(), pairs, strict=True)
        if response is not None
    }
    predictions(folder / "said", name, answered)
    return folder


def scored(folder: Path, judge: Scripted | None = None) -> Result:
    material = read_material(DYNAMIC_SUPERB_2, folder / "said", folder / "data")
    return score(DYNAMIC_SUPERB_2, material, judge or Scripted(as_told), post="as-it-is", seed=1, resamples=50)


def figures(result: Result) -> dict[str, float]:
    return {each.name: each.value for each in result.figures}


def only(result: Result) -> Figure:
    (figure,) = result.figures
    return figure


# Classification


def test_an_accuracy_is_what_the_judge_says_of_all_items(tmp_path: Path) -> None:
    pairs = [("x", "right"), ("x", "wrong"), ("x", "who knows"), ("x", " \n"), ("x", None)]
    result = scored(said(tmp_path, "Some_Task", ["accuracy"], *pairs))
    figure = only(result)
    assert (figure.name, figure.value, figure.items) == ("Some_Task accuracy", 0.2, 5)
    assert figure.outcomes == {Outcome.MARKED: 2, Outcome.UNPARSED: 1, Outcome.EMPTY: 1, Outcome.MISSING: 1}


def test_the_judge_is_shown_task_label_and_answer_as_they_are_and_no_empty_answer(tmp_path: Path) -> None:
    judge = Scripted(as_told)
    scored(said(tmp_path, "Some_Task", ["accuracy"], ("{label} %s", "{response} %d"), ("x", "")), judge)
    (question,) = judge.asked
    assert all(part in question.prompt for part in ("Is it speech?", "{label} %s", "{response} %d"))
    assert question.temperature == 0.0


def test_the_label_of_a_regression_is_not_shown_to_the_judge(tmp_path: Path) -> None:
    judge = Scripted(as_told)
    scored(said(tmp_path, "Some_Task", ["MSE"], ("4321", "1")), judge)
    assert "4321" not in judge.asked[0].model_dump_json()


def test_without_a_judge_or_budget_an_item_does_not_count(tmp_path: Path) -> None:
    folder = said(tmp_path, "Some_Task", ["accuracy"], ("x", "right"), ("x", "(the budget is spent)"))
    said(tmp_path, "Other_Task", ["LCC"], ("1", "(the budget is spent)"))
    result = scored(folder)
    assert (figures(result), result.unmarked) == ({"Some_Task accuracy": 1.0}, 2)
    material = read_material(DYNAMIC_SUPERB_2, folder / "said", folder / "data")
    alone = score(DYNAMIC_SUPERB_2, material, None, post="as-it-is", seed=1, resamples=10)
    assert (alone.figures, alone.unmarked) == ((), 3)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("Verdict: agrees", True),
        ("Because.\n**Verdict:** Disagrees.", False),
        ("Verdict: agrees\nVerdict: agrees", True),
        ("Verdict: agrees\nVerdict: disagrees", None),
        ("Verdict: agrees or disagrees", None),
        ("It agrees", None),
        ("Verdict: it agrees", None),
        ("", None),
    ],
)
def test_a_verdict_is_a_line_of_its_own(reply: str, *, verdict: bool | None) -> None:
    assert verdict_in(reply) is verdict


# Regression


@pytest.mark.parametrize(
    ("reply", "number"),
    [
        ("Number: 3.5", 3.5),
        ("Number: -3", -3.0),
        ("Number: +.5", 0.5),
        ("number 2.", 2.0),
        ("**Number:** 4e2", 400.0),
        ("I read it.\nNumber: 7\n", 7.0),
        ("Number: 3\nNumber: 3.0", 3.0),
        ("Number: 3\nNumber: 4", None),
        ("Number: 3\nNumber: N/A", None),
        ("Number: N/A", None),
        ("Number: 3 or 4", None),
        ("Number: 3 Hz", None),
        ("Number: 1e999", None),
        ("Number: inf", None),
        ("The number 3 it is", None),
        ("3", None),
        ("", None),
    ],
)
def test_a_number_is_read_from_a_line_of_its_own(reply: str, number: float | None) -> None:
    assert number_in(reply) == number


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("MSE", (1 + 0 + 9 + 1) / 4),
        ("RMSE", math.sqrt(11 / 4)),
        ("MAE", 5 / 4),
        ("MedAE", 1.0),
        ("LCC", -4 / math.sqrt(5 * 13)),
        ("SRCC", -0.8 / math.sqrt(5 * 5) * 5),
        ("KTAU", (1 - 5) / 6),
    ],
)
def test_a_regression_with_all_numbers_is_its_measure(tmp_path: Path, metric: str, value: float) -> None:
    labels, numbers = ("1", "2", "3", "4"), ("2", "2.5", "0", "3")
    numbers = ("2", "2", "0", "5")
    figure = only(scored(said(tmp_path, "Some_Task", [metric], *zip(labels, numbers, strict=True))))
    assert (figure.name, figure.value) == (f"Some_Task {metric.lower()}", pytest.approx(value))
