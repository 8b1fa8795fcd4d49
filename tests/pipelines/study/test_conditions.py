from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError
from pipelines.study.conditions import ADAPTER_STUDY, overrides_of, read_study


def study(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "study.yaml"
    file.write_text(text)
    return file


def test_the_shipped_study_asks_about_everything_that_the_adapter_is_made_of() -> None:
    shipped = read_study(ADAPTER_STUDY, {})

    asked = {name for condition in shipped.conditions for name in condition.set}
    wanted = {
        "mask_frames",
        "normalise",
        "feature_scale",
        "query_scale",
        "queries",
        "tapped_layers",
        "max_transcript_tokens",
    }
    assert wanted | {"learning_rate"} <= asked
    assert not shipped.conditions[0].set


def test_a_condition_changes_the_base_and_an_override_changes_all(tmp_path: Path) -> None:
    text = "base: {steps: 9, queries: 8}\nconditions:\n- name: plain\n- {name: more, set: {queries: 32}}\n"
    read = read_study(study(tmp_path, text), overrides_of(["steps=7"]))

    settings = [read.settings(condition) for condition in read.conditions]
    assert [(each.steps, each.queries) for each in settings] == [(7, 8), (7, 32)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "not a study"),
        ("conditions: []", "not a study: conditions: "),
        ("{", "not a study: "),
        ("conditions: [{name: a}, {name: a}]", "condition 'a' is there twice"),
        ("conditions: [{name: a, sett: {}}]", "not a study: conditions.0.sett: "),
        ("conditions: [{name: a, set: {quieries: 3}}]", "condition 'a': train_model.quieries: no such parameter"),
        ("conditions: [{name: a, set: {queries: 0}}]", "condition 'a': train_model.queries: .*got 0"),
        ("base: {steps: many}\nconditions: [{name: a}]", "condition 'a': train_model.steps: .*got 'many'"),
    ],
)
def test_a_study_that_cannot_be_conducted_is_one_clear_line(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(ConfigurationError, match=f"study.yaml: {line}" if "not a" in line else line):
        read_study(study(tmp_path, text), {})


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml: not a study"):
        read_study(tmp_path / "nowhere.yaml", {})


@pytest.mark.parametrize("line", ["steps", "=3", ""])
def test_an_override_names_a_setting_and_a_value(line: str) -> None:
    with pytest.raises(ConfigurationError, match="want SETTING=VALUE"):
        overrides_of([line])
