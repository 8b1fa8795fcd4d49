import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.comparison import compare, relate
from components.evaluate_model.benchmarks.dynamic_superb.phase2 import (
    DYNAMIC_SUPERB_2,
    IMPROVEMENT,
    improvement,
    number_in,
    question_of,
    verdict_in,
)
from components.evaluate_model.benchmarks.dynamic_superb.regression import (
    STATISTICS,
)
from components.evaluate_model.benchmarks.records import Mark, Outcome
from components.evaluate_model.benchmarks.rows import Row
from components.evaluate_model.benchmarks.scoring import read_items, read_material, score
from tests.components.evaluate_model.benchmarks.instances import (
    as_told,
    figures,
    instance,
    only,
    predictions,
    row,
    said,
    scored,
)
from tests.components.evaluate_model.benchmarks.judges import Scripted


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
        ("Number: 1e100", 1e100),
        ("Number: 1e101", None),
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
    ("metric", "label", "response", "value"),
    [
        ("WER", "a b c d", "a b c d", 0.0),
        ("WER", "a b c d", "The text is: a b c d", 3 / 4),
        ("WER", "a b c d", "A b, c d", 2 / 4),
        ("WER", "a b c d", "  a  b\nc\td ", 0.0),
        ("WER", "a b c d", "b c d", 1 / 4),
        ("WER", "a b", "", 1.0),
        ("WER", "a b", "c d e f", 2.0),
        ("CER", "abc d", "abcd", 1 / 5),
        ("CER", "ab", "b", 1 / 2),
        ("CER", "ab", "", 1.0),
        ("PER", "AA B CH", "AA P CH", 1 / 3),
    ],
)
def test_an_error_rate_is_of_the_response_as_it_is(
    tmp_path: Path, metric: str, label: str, response: str, value: float
) -> None:
    judge = Scripted(as_told)
    figure = only(scored(said(tmp_path, "Some_Task", [metric], (label, response)), judge))
    assert figure.name == f"Some_Task {metric.lower()}"
    assert figure.value == pytest.approx(value)
    assert not judge.asked


def test_an_error_rate_is_over_all_words_and_what_is_missing_is_all_wrong(tmp_path: Path) -> None:
    figure = only(scored(said(tmp_path, "Some_Task", ["wer"], ("a b c d e", "a b c d e"), ("f", "g"), ("h i", None))))
    assert (figure.value, figure.outcomes[Outcome.MISSING]) == (3 / 8, 1)


@pytest.mark.parametrize(
    ("metrics", "name"),
    [
        (["Accuracy"], "accuracy"),
        (["BLEU", "WER"], "wer"),
        (["cer", "wer"], "cer"),
        (["Mean Squared Error", "LCC"], "mse"),
        (["Pearson"], "lcc"),
        (["Kendall-Tau"], "ktau"),
    ],
)
def test_an_instance_is_marked_by_its_first_known_metric(tmp_path: Path, metrics: Sequence[str], name: str) -> None:
    folder = said(tmp_path, "Some_Task", metrics, ("1", "1"))
    (entry,) = read_items(DYNAMIC_SUPERB_2, folder / "data").values()
    assert entry.item.metric == name


def test_instances_of_one_file_name_have_figures_of_their_own(tmp_path: Path) -> None:
    folder = said(tmp_path, "Some_Task", ["accuracy"], ("x", "right"), ("x", "wrong"))
    said(folder, "Other_Task", ["MAE"], ("1", "3"), ("1", "N/A"))
    said(folder, "Third_Task", ["WER"], ("a b", "a"))
    assert figures(scored(folder)) == {"Some_Task accuracy": 0.5, "Other_Task mae": 4.0, "Third_Task wer": 0.5}


@given(st.permutations(range(4)), st.sampled_from(["accuracy", "lcc", "ktau", "mse", "medae", "wer"]))
def test_the_order_of_rows_changes_no_figure(order: Sequence[int], metric: str) -> None:
    pairs = [("1", "right"), ("2", "2"), ("3", "N/A"), ("4", "9")]

    def marked(numbers: Sequence[int]) -> Mapping[str, float]:
        found = [_marked(metric, number, *pairs[number]) for number in numbers]
        result = DYNAMIC_SUPERB_2.settle({}, found, 0)
        statistic = STATISTICS.get(metric)
        values = [mark.value for mark in result if mark.value is not None]
        return {metric: statistic(result) if statistic else sum(values) / sum(mark.weight for mark in result)}

    assert marked(order) == pytest.approx(marked(range(4)))


def _marked(metric: str, number: int, label: str, response: str) -> Mark:
    (item,) = DYNAMIC_SUPERB_2.items_of(_row_of(metric, number, label))
    question = question_of(item, response)
    return DYNAMIC_SUPERB_2.mark(item, response, (as_told(question) or "",) if question else ())


def _row_of(metric: str, number: int, label: str) -> Row:
    return Row("x", {**row(label), "instance": "Some_Task", "metrics": [metric]}, f"{number}.wav")


def test_less_is_better_in_an_error_and_more_in_a_correlation(tmp_path: Path) -> None:
    right = [(str(n), str(n)) for n in range(8)]
    wrong = [(str(n), str(9 - n)) for n in range(8)]
    for name, pairs in (("ours", right), ("theirs", wrong)):
        for metric in ("MSE", "SRCC", "WER"):
            said(tmp_path / name, f"Some_{metric}", [metric], *pairs)
    changes = compare(DYNAMIC_SUPERB_2, scored(tmp_path / "ours"), scored(tmp_path / "theirs"))
    assert [(change.name, change.value < 0, change.better) for change in changes] == [
        ("Some_MSE mse", True, True),
        ("Some_SRCC srcc", False, True),
        ("Some_WER wer", True, True),
    ]


def test_improvement_is_the_mean_share_of_the_reference_and_leaves_out_its_zeros() -> None:
    reference = {"A accuracy": [0.5, 0.0], "B wer": [0.8, 0.4], "C lcc": [0.0, 0.1], "D mse": [1.0, 1.0]}
    ours = {"A accuracy": [0.75, 0.5], "B wer": [0.2, 0.8], "C lcc": [0.9, 0.9], "E accuracy": [1.0, 1.0]}
    mine, other = ({name: np.array(values) for name, values in of.items()} for of in (ours, reference))
    assert improvement(mine, other)[IMPROVEMENT] == pytest.approx([(0.5 + 0.75) / 2, -1.0])
    assert improvement({"C lcc": mine["C lcc"]}, other) == {}


def test_a_result_is_related_to_that_of_a_reference(tmp_path: Path) -> None:
    for name, responses in (("ours", ("a b", "2")), ("theirs", ("a c", "5"))):
        said(tmp_path / name, "Some_Task", ["WER"], ("a b", responses[0]))
        said(tmp_path / name, "Other_Task", ["MAE"], ("1", responses[1]))
    (found,) = relate(DYNAMIC_SUPERB_2, scored(tmp_path / "ours"), scored(tmp_path / "theirs"))
    assert found.value == pytest.approx((1 + 0.75) / 2)
    assert found.better


def test_an_export_is_scored_like_what_was_read(tmp_path: Path) -> None:
    folder = said(tmp_path, "Some_Task", ["KTAU"], ("1", "2"), ("2", "1"), ("3", None))
    said(folder, "Other_Task", ["CER"], ("a", "b"))
    material = read_material(DYNAMIC_SUPERB_2, folder / "said", folder / "data")
    responses = {key: prediction.response for key, prediction in material.predictions.items()}
    written = DYNAMIC_SUPERB_2.export(list(material.entries.values()), responses)
    assert sorted(written) == ["Other_Task.json", "Some_Task.json"]
    for name, text in written.items():
        predictions(tmp_path / "again", Path(name).stem, json.loads(text))
    again = read_material(DYNAMIC_SUPERB_2, tmp_path / "again", None)
    assert again.predictions == material.predictions
    assert again.items == {key: item for key, item in material.items.items() if key in responses}


@pytest.mark.parametrize("answered", [True, False])
def test_without_a_metric_nothing_is_marked_and_no_judge_is_asked(tmp_path: Path, *, answered: bool) -> None:
    folder = said(tmp_path, "Other_Task", ["accuracy"], ("x", "right"))
    said(folder, "Some_Task", None, ("x", "right" if answered else None))
    judge = Scripted(as_told)
    with pytest.raises(SourceError, match=r"^Some_Task: nothing says which metric it has; name the folder"):
        scored(folder, judge)
    assert not answered or not judge.asked


@pytest.mark.parametrize(
    ("metrics", "changes", "line"),
    [
        (
            ["BLEU", "ROUGE"],
            {},
            "its instance is marked by BLEU, ROUGE, which is not counted here: leave it out; known",
        ),
        (["MSE"], {"label": "loud"}, "the label 'loud' is no number, which mse needs"),
        (["LCC"], {"label": "nan"}, "the label 'nan' is no number, which lcc needs"),
        (["WER"], {"label": " "}, "'label' is empty"),
        (["WER"], {"label": ...}, "no 'label'"),
        (["WER"], {"instruction": 3}, "'instruction' is no text but 3"),
    ],
)
def test_a_malformed_item_is_one_line_with_file_and_row(
    tmp_path: Path, metrics: Sequence[str], changes: Mapping[str, Any], line: str
) -> None:
    data = instance(tmp_path, "Some_Task", {"b.wav": row("1"), "a.wav": row(**changes)}, metrics)
    data_file = data / "Some_Task" / "metadata.json"
    first = "b.wav" if "BLEU" in metrics else "a.wav"
    with pytest.raises(SourceError, match=re.escape(f"{data_file}: '{first}': {line}")) as caught:
        read_items(DYNAMIC_SUPERB_2, data)
    assert "\n" not in str(caught.value)
