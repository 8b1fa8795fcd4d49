"""Two finished evaluations side by side; what is in them is written by hand."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.artifacts import Artifact, Draft, Lineage, Tally, open_artifact
from components.core.contracts.records import Answer
from components.evaluate_model.benchmarks.desta_sample import rows_about
from components.evaluate_model.benchmarks.desta_text import SHIPPED
from components.evaluate_model.regression import Comparison, beside_champion
from components.evaluate_model.settings import EvaluateModelSettings
from tests.components.evaluate_model.benchmarks.test_desta_sample import ANIMALS
from tests.components.evaluate_model.test_scores import make_answer

LENIENT = EvaluateModelSettings(resamples=200, thresholds="regression.min_shared=1")


def report(folder: Path, *, loss: float = 10.0, right: bool = True, llm: str = "a", clips: int = 6) -> Artifact:
    """An evaluation whose model loses so much, and answers all questions rightly or all wrongly."""
    draft, tally = Draft(folder), Tally()
    folder.mkdir(parents=True)
    answers = [make_answer(n, trained=loss + n % 2, wrong=loss + 3) for n in range(clips)]
    draft.write(answers, Answer)
    rows: list[dict[str, Any]] = [row for row in rows_about(ANIMALS, seed=1) if row["choices"]]
    said = [
        {**row, "model_output": row["answer"] if right else next(c for c in row["choices"] if c != row["answer"])}
        for row in rows
    ]
    texts = [json.loads(line) for line in (SHIPPED / "desta-text.jsonl").read_text().splitlines()[:4]]
    written = "".join(json.dumps({**row, "response": "Well."}) + "\n" for row in texts)
    for name, content in (
        ("desta-sample/trained/desta-sample.json", json.dumps(said)),
        ("desta-text/after/desta-text.jsonl", written),
    ):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(content)
    tally.rows_in = tally.rows_out = clips
    lineage = Lineage(
        stage="evaluate_model",
        key="1" * 64,
        code="2" * 64,
        settings={},
        inputs={},
        models={"llm": llm * 64},
        sources={},
    )
    draft.close(kind="report", counts=tally.counts(), facts={}, lineage=lineage)
    return open_artifact(folder, "report")


def beside(ours: Artifact, theirs: Artifact, settings: EvaluateModelSettings = LENIENT) -> Comparison:
    return beside_champion(ours, theirs, "version 1", settings)


def test_a_model_beside_itself_differs_in_nothing(tmp_path: Path) -> None:
    found = beside(report(tmp_path / "a"), report(tmp_path / "b"))
    assert found.shared == {"held-out answers": 6, "desta-sample": 6, "desta-text": 4}
    assert {"loss", "audio_gain", "accuracy", "text_accuracy"} < {each.name for each in found.differences}
    assert all(each.value == each.low == each.high == 0 for each in found.differences)
    assert found.refusals == ()


def test_what_became_worse_is_a_refusal_with_its_line(tmp_path: Path) -> None:
    found = beside(report(tmp_path / "a", loss=12.0, right=False), report(tmp_path / "b"))
    assert [line.partition(": ")[0] for line in found.refusals] == ["regression.loss", "regression.accuracy"]
    assert "accuracy differs by -1.000 from the champion's [-1.000, -1.000], which is worse" in found.refusals[1]


def test_what_became_better_is_none(tmp_path: Path) -> None:
    found = beside(report(tmp_path / "a"), report(tmp_path / "b", loss=12.0, right=False))
    assert found.refusals == ()
    better = {each.name for each in found.differences if each.better}
    assert {"loss", "accuracy"} <= better
    assert not any(each.worse for each in found.differences)


def test_a_figure_that_the_policy_does_not_name_may_fall(tmp_path: Path) -> None:
    lenient = EvaluateModelSettings(resamples=200, thresholds="regression.min_shared=1")
    policy = lenient.policy.model_dump(mode="json")
    policy["regression"]["figures"] = ["text_accuracy"]
    settings = EvaluateModelSettings(resamples=200, policy=policy)
    assert not beside(report(tmp_path / "a", right=False), report(tmp_path / "b"), settings).refusals


def test_too_little_in_common_lets_no_model_take_the_place(tmp_path: Path) -> None:
    found = beside(report(tmp_path / "a"), report(tmp_path / "b", clips=2), EvaluateModelSettings(resamples=200))
    assert found.shared["held-out answers"] == 2
    assert any("both were asked 2 held-out answers, want at least 8" in line for line in found.refusals)


def test_losses_under_another_language_model_are_not_compared(tmp_path: Path) -> None:
    found = beside(report(tmp_path / "a"), report(tmp_path / "b", llm="b", loss=99.0))
    assert found.shared["held-out answers"] == 0
    assert "loss" not in {each.name for each in found.differences}
    assert any(line.startswith("regression.min_shared: both were asked 0 held-out answers") for line in found.refusals)


def test_questions_that_changed_are_not_shared(tmp_path: Path) -> None:
    ours, other = report(tmp_path / "a"), tmp_path / "b"
    theirs = report(other)
    file = other / "desta-sample" / "trained" / "desta-sample.json"
    rows = json.loads(file.read_text())
    rows[0]["question"] = "What else is it?"
    file.write_text(json.dumps(rows))
    assert beside(ours, theirs).shared["desta-sample"] == 5


def test_an_interval_that_holds_zero_is_no_regression(tmp_path: Path) -> None:
    ours, theirs = report(tmp_path / "a"), report(tmp_path / "b")
    file = ours.folder / "desta-sample" / "trained" / "desta-sample.json"
    rows = json.loads(file.read_text())
    rows[0]["model_output"] = next(choice for choice in rows[0]["choices"] if choice != rows[0]["answer"])
    file.write_text(json.dumps(rows))
    found = beside(ours, theirs)
    (accuracy,) = (each for each in found.differences if each.name == "accuracy")
    assert accuracy.value == pytest.approx(-1 / 6)
    assert not accuracy.worse
    assert not found.refusals


def test_what_was_not_asked_is_not_shared(tmp_path: Path) -> None:
    ours, theirs = report(tmp_path / "a"), report(tmp_path / "b")
    shutil.rmtree(theirs.folder / "desta-sample")
    found = beside(ours, theirs)
    assert found.shared["desta-sample"] == 0
    assert "accuracy" not in {each.name for each in found.differences}
    assert any(line.startswith("regression.min_shared: both were asked 0 desta-sample") for line in found.refusals)
