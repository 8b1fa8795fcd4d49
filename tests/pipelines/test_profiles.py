"""A profile is typed, checked and easy to change; what does not exist is named with what does."""

import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.stages import STAGES
from pipelines.profiles import profile_named, sample, smoke, with_overrides


def test_a_setting_is_changed_by_its_name_and_read_by_its_type() -> None:
    changed = with_overrides(sample(), ["train_model.steps=7", "train_model.learning_rate=5e-4"])
    assert (changed.train_model.steps, changed.train_model.learning_rate) == (7, 5e-4)
    assert changed.self_generate == sample().self_generate


def test_settings_that_only_fit_together_can_be_changed_together() -> None:
    changed = with_overrides(sample(), ["train_model.processes=3", "train_model.batch=6"])
    assert (changed.train_model.processes, changed.train_model.batch) == (3, 6)


def test_a_threshold_of_the_policy_is_changed_by_its_place_and_the_others_stay() -> None:
    before = smoke().validate_data.policy
    policy = with_overrides(smoke(), ["validate_data.thresholds=gates.max_nll=3"]).validate_data.policy
    assert policy.gates == before.gates.model_copy(update={"max_nll": 3.0})
    assert policy.rules == before.rules


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("train_modle.steps=7", "train_modle.steps: no stage train_modle; did you mean train_model?"),
        ("train_model.step=7", "train_model.step: no such parameter; did you mean steps?"),
        ("train_model.steps=many", "train_model.steps: Input should be a valid integer"),
        ("train_model.steps=0", "got '0'"),
        ("validate_data.thresholds=gates.max_nil=3", "thresholds 'gates.max_nil=3': gates.max_nil: no such threshold"),
        ("train_model.steps", "want stage.parameter=value"),
        ("steps=7", "want stage.parameter=value"),
        ("=", "want stage.parameter=value"),
    ],
)
def test_a_wrong_override_is_one_line_that_says_what_is_known(line: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        with_overrides(smoke(), [line])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_profile_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"smok: no such profile; did you mean smoke\? known: smoke, sample"):
        profile_named("smok")


def test_the_parameters_hold_every_setting_of_every_stage() -> None:
    profile = smoke()
    parameters = profile.parameters("revision")
    assert {name for name in parameters if name.endswith("_settings")} == {f"{s.name}_settings" for s in STAGES}
    for stage in STAGES:
        assert parameters[f"{stage.name}_settings"] == profile.settings(stage.name).model_dump(mode="json")


def test_smoke_does_less_of_the_same_work_as_sample() -> None:
    assert smoke().corpora == sample().corpora
    assert 0 < smoke().ingest_audio.max_clips < 100
    assert smoke().train_model.steps < sample().train_model.steps
