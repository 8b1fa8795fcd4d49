from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.settings import checked
from components.evaluate_model.gate import refusals
from components.evaluate_model.policy import POLICIES, Bound
from components.evaluate_model.report import Estimate
from components.evaluate_model.settings import EvaluateModelSettings


def test_a_figure_that_meets_its_lines_is_not_mentioned() -> None:
    figures = {"gain": Estimate(value=0.2, low=0.1, high=0.3), "drop": Estimate(value=0.25)}
    assert refusals(figures, {"gain": Bound(above=0.0, at_most=1.0), "drop": Bound(at_least=0.25)}) == ()


@pytest.mark.parametrize(
    ("bound", "line"),
    [
        ({"at_least": 0.3}, "minimum.gain.at_least: gain is 0.200, want at least 0.3"),
        ({"at_most": 0.1}, "minimum.gain.at_most: gain is 0.200, want at most 0.1"),
        (
            {"above": 0.1},
            "minimum.gain.above: gain is 0.200, its 95 % interval begins at 0.100, want it above 0.1",
        ),
    ],
)
def test_a_refusal_names_the_line_the_figure_and_what_was_wanted(bound: dict[str, float], line: str) -> None:
    assert refusals({"gain": Estimate(value=0.2, low=0.1, high=0.3)}, {"gain": Bound(**bound)}) == (line,)


def test_what_was_not_measured_does_not_pass() -> None:
    (line,) = refusals({}, {"gain": Bound(above=0.0)})
    assert line.startswith("minimum.gain: there is no such figure")
    (line,) = refusals({"gain": Estimate(value=1.0)}, {"gain": Bound(above=0.0)})
    assert line == "minimum.gain.above: gain has no interval; use at_least or at_most"
    assert refusals({"gain": Estimate(value=float("nan"), low=float("nan"))}, {"gain": Bound(at_least=0, above=0)})


def test_a_policy_becomes_its_content_with_the_changes_of_a_run(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "version: mine\nminimum:\n  accuracy: {at_least: 0.5}\nregression: {figures: [loss], min_shared: 3}\n"
    )
    changed = EvaluateModelSettings(policy=str(file), thresholds="minimum.audio_gain.above=-1")
    again = checked("evaluate_model", EvaluateModelSettings, changed.model_dump(mode="json"))
    for settings in (changed, again):
        assert settings.policy.version == "mine+changed"
        assert settings.policy.minimum == {"accuracy": Bound(at_least=0.5), "audio_gain": Bound(above=-1.0)}
    assert changed.model_dump(mode="json")["policy"] == again.model_dump(mode="json")["policy"]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ("minimum.gain.atleast=1", "minimum.gain.atleast: no such threshold or section"),
        ("minimum.gain.above=much", "minimum.gain.above: Input should be a valid number"),
        ("minimum.gain", "'minimum.gain': want name=value, such as minimum.perplexity_drop.at_least=0.1"),
        ("regression.min_shared=0", "regression.min_shared: Input should be greater than or equal to 1, got '0'"),
        ("minimum.gain.above=nan", "minimum.gain.above: Input should be a finite number"),
        ("version.x=1", "version.x: no such threshold or section"),
    ],
)
def test_a_mistake_in_a_policy_is_one_line(changes: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        POLICIES.read("standard", changes)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[1, 2]", "the file: Input should be a valid dictionary"),
        ("version: 1\nminimum: {}\n", "regression: is missing; write it"),
        (
            "version: 1\nminimum: {a: {}}\nregression: {figures: [], min_shared: 1}\n",
            "minimum.a: is empty; write one of",
        ),
        ("version: 1\nminimum: {}\nregression: {figures: [beauty], min_shared: 1}\n", "'beauty' is not compared"),
        ("a: b: c", "mend it"),
    ],
)
def test_a_file_that_is_no_policy_is_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "policy.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        POLICIES.read(str(tmp_path / "policy.yaml"))
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_policy_that_ships_wants_hearing_and_no_forgetting() -> None:
    assert {"audio_gain", "accuracy_over_untrained", "text_accuracy_drop"} < POLICIES.standard().minimum.keys()
