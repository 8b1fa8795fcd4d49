"""An estimate says what was measured, on what and how differently; what nobody measured is not known."""

import json

import pytest

from components.core.home import Home
from pipelines.cli import main
from pipelines.cost.devices import CORE, Devices
from pipelines.cost.estimate import Asked, Estimate, StageEstimate, estimate
from pipelines.cost.rates import rate_card
from tests.pipelines.cost.making import FOUR_GPUS, GPU, HALF_AN_HOUR, TWO_CORES, add_stage, add_steps, make_run

CORES = Devices(name=CORE, count=2, model="A CPU")
GPUS = Devices(name=GPU, count=8)


def _estimate(home: Home, devices: Devices, run_id: str | None = None) -> Estimate:
    asked = Asked(hours=100.0, samples=1000, devices=devices)
    return estimate(asked, run_id, rate_card(None, home), home)


def _of(found: Estimate, stage: str) -> StageEstimate:
    return next(each for each in found.stages if each.stage == stage)


def test_several_runs_give_their_median_and_how_far_they_lie_apart(home: Home) -> None:
    for run_id, seconds in (("r1", 1800.0), ("r2", 3600.0), ("r3", 7200.0)):
        add_stage(make_run(home, run_id, TWO_CORES), "ingest_audio", facts=HALF_AN_HOUR, seconds=seconds)
    stage = _of(_estimate(home, CORES), "ingest_audio")
    assert (stage.least_device_hours, stage.device_hours, stage.greatest_device_hours) == (200.0, 400.0, 800.0)
    assert stage.wall_hours == 200.0
    assert stage.money == pytest.approx(20.0)
    assert "3 runs on 2 x cpu core (A CPU)" in stage.basis


def test_a_named_run_gives_its_rate_alone_and_its_spread_is_not_known(home: Home) -> None:
    for run_id, seconds in (("r1", 1800.0), ("r2", 3600.0)):
        add_stage(make_run(home, run_id, TWO_CORES), "ingest_audio", facts=HALF_AN_HOUR, seconds=seconds)
    stage = _of(_estimate(home, CORES, "r1"), "ingest_audio")
    assert stage.device_hours == 200.0
    assert "spread is not known" in stage.basis


def test_training_goes_over_the_samples_as_often_as_the_recipe_says_on_more_devices_at_once(home: Home) -> None:
    run_dir = make_run(home, "r1", FOUR_GPUS)
    add_stage(run_dir, "train_model")
    add_steps(run_dir, 10)
    stage = _of(_estimate(home, GPUS), "train_model")
    assert stage.units == 5000
    assert stage.device_hours == pytest.approx(4 * 5000 / 80)
    assert stage.wall_hours == pytest.approx(4 * 5000 / 80 / 8)


def test_rates_of_a_cpu_say_nothing_about_gpus(home: Home) -> None:
    add_stage(make_run(home, "r1", TWO_CORES), "validate_data", rows_in=100)
    found = _estimate(home, GPUS)
    stage = _of(found, "validate_data")
    assert (stage.device_hours, stage.wall_hours, stage.money, found.money) == (None, None, None, None)
    assert "not transferable" in stage.basis
    assert "20.0 device hours there, measured by one run" in stage.basis


def test_without_a_run_a_rate_is_a_published_one_with_its_source_or_none(home: Home) -> None:
    found = _estimate(home, CORES)
    assert "published: tests/benchmarks/README.md, training" in _of(found, "train_model").basis
    assert _of(found, "train_model").device_hours is None
    assert _of(found, "validate_data").basis == "not known: no run measured it, and nothing is published"


def test_what_is_published_of_a_gpu_counts_on_such_gpus_and_is_shown_for_others(home: Home) -> None:
    on_h200 = _of(_estimate(home, Devices(name="NVIDIA H200", count=8)), "self_generate")
    assert on_h200.device_hours == pytest.approx(1000 / 22.5674 / 3600)
    assert "published: the vLLM project's performance benchmark" in on_h200.basis
    on_h100 = _of(_estimate(home, GPUS), "self_generate")
    assert on_h100.device_hours is None
    assert "1 x NVIDIA H200" in on_h100.basis


def test_runs_with_other_models_and_stages_that_were_reused_measure_nothing(home: Home) -> None:
    other = make_run(home, "r1", TWO_CORES, parameters={"encoder": "an encoder", "llm": "another"}, started_s=1.0)
    add_stage(other, "validate_data", rows_in=100)
    add_stage(make_run(home, "r2", TWO_CORES), "validate_data", rows_in=100, reused=True)
    assert _of(_estimate(home, CORES), "validate_data").device_hours is None


def test_the_command_says_not_known_in_words_and_null_in_json(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["estimate", "--hours", "7000", "--samples", "5000000", "--cluster", "cloud"]
    for argv in (asked, [*asked, "--json"]):
        with pytest.raises(SystemExit) as ended:
            main(argv)
        assert ended.value.code == 0
    text, _, rest = capsys.readouterr().out.partition("{")
    assert "7,000 h of audio, 5,000,000 samples, on 8 x NVIDIA H100 80GB HBM3" in text
    assert text.count("not known") > len("stages")
    assert json.loads("{" + rest)["money"] is None
    assert not home.runs.exists()


@pytest.mark.parametrize("argv", [["--hours", "0"], ["--hours", "nan"], ["--samples", "-1"], ["--cluster", "moon"]])
def test_what_cannot_be_is_one_line(home: Home, capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    del home
    with pytest.raises(SystemExit) as ended:
        main(["estimate", "--hours", "1", "--samples", "1", *argv])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
