"""What all samples together must be like: each test validates a few samples and looks at one gate."""

import pytest

from components.core.contracts.errors import ContractError
from components.core.contracts.records import RefusedSample, Sample
from components.core.home import Home
from components.validate_data.inspection import Inspection
from components.validate_data.settings import ValidateDataSettings
from components.validate_data.suite import rules
from tests.builders import make_generator, make_sample
from tests.components.validate_data.making import BELL, DOG, SONG, Inputs, refuse, validate, write_inputs

pytestmark = pytest.mark.usefixtures("llm")


def answers(good: int, bad: int = 0) -> list[Sample]:
    """So many good answers about the dog, then so many that were cut off."""
    reasons = ["stop"] * good + ["length"] * bad
    return [
        make_sample(clip_id=DOG.clip_id, prompt=f"What is it, {n}?", response=f"Dog {n} barks.", finish_reason=r)
        for n, r in enumerate(reasons)
    ]


def about_the_dog(home: Home, samples: list[Sample]) -> Inputs:
    return write_inputs(home.root, samples, [DOG])


def test_exactly_enough_accepted_samples_pass(home: Home) -> None:
    result = validate(about_the_dog(home, answers(3, 1)), home, "--thresholds", "gates.min_acceptance=0.75")
    assert result.manifest.facts["acceptance"] == 0.75
    assert result.manifest.facts["refusals"] == []


def test_one_accepted_sample_too_few_stops_the_run_and_says_what_was_refused(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = [*answers(1, 2), make_sample(clip_id=DOG.clip_id, response="...")]
    result = refuse(about_the_dog(home, samples), home, "--thresholds", "gates.min_acceptance=0.3")
    assert result.manifest.facts["refusals"] == ["acceptance 0.25 is below 0.30: 2 cut_off, 1 empty"]
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("error: validate_data: acceptance 0.25 is below 0.30: 2 cut_off, 1 empty; look into ")


def test_a_full_quarantine_names_its_reasons(home: Home) -> None:
    result = refuse(about_the_dog(home, answers(0, 3)), home)
    assert result.manifest.facts["refusals"] == ["acceptance 0.00 is below 0.50: 3 cut_off"]
    assert result.manifest.facts["nll_per_token"] is None
    assert len(list(result.read_quarantine(RefusedSample))) == 3
    assert (result.folder / "data_docs" / "index.html").is_file()


def test_samples_of_two_generators_stop_the_run(home: Home) -> None:
    other = make_sample(clip_id=DOG.clip_id, prompt="And now?", generator=make_generator(weights="d" * 64))
    result = refuse(about_the_dog(home, [*answers(2), other]), home)
    (line,) = result.manifest.facts["refusals"]
    assert line.startswith("2 generators wrote the samples, want 1")


def test_answers_that_their_generator_finds_unlikely_stop_the_run(home: Home) -> None:
    samples = [
        make_sample(clip_id=DOG.clip_id, nll_per_token=1.0, response_tokens=10),
        make_sample(clip_id=DOG.clip_id, nll_per_token=4.0, response_tokens=20),
    ]
    result = refuse(about_the_dog(home, samples), home, "--thresholds", "gates.max_nll=2.9")
    assert result.manifest.facts["nll_per_token"] == pytest.approx(3.0)
    assert result.manifest.facts["refusals"] == [
        "accepted answers have 3.00 nats a token under their own generator, at most 2.9"
    ]


def test_a_part_of_the_clips_without_an_accepted_sample_is_a_warning(home: Home) -> None:
    result = validate(write_inputs(home.root, answers(1), [DOG, BELL, SONG]), home)
    assert result.manifest.facts["absent"] == ["train/music", "validation/sound"]
    assert result.manifest.facts["warnings"] == ["no sample was accepted for train/music, validation/sound"]
    assert result.manifest.facts["refusals"] == []


def test_no_samples_are_a_failure_and_no_result(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        validate(about_the_dog(home, []), home)
    assert stopped.value.code == 1
    assert "no samples, so nothing to validate" in capsys.readouterr().err
    assert not (home.root / "accepted").exists()


def test_an_expectation_that_was_not_evaluated_is_a_failure() -> None:
    inspection = Inspection("samples", {rule.name: rule.expectation for rule in rules(ValidateDataSettings())[:1]})
    with pytest.raises(ContractError, match=r"clip_is_known was not evaluated: .*clip_domain.* does not exist"):
        inspection.of([{"clip_id": "0"}])


def test_the_same_samples_give_the_same_digest_in_another_home(
    home: Home, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = validate(about_the_dog(home, answers(3, 1)), home)
    other = Home(tmp_path_factory.mktemp("other"))
    monkeypatch.setenv("DESTA_HOME", str(other.root))
    second = validate(about_the_dog(other, answers(3, 1)), other)
    assert first.digest == second.digest
    assert first.manifest.attachments != second.manifest.attachments
