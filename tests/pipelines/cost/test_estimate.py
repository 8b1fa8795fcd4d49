"""An estimate says what was measured, on what and how differently; what nobody measured is not known."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from components.core.home import Home
from components.core.stages import STAGES
from pipelines.cli import main
from pipelines.cost.devices import CORE, Devices
from pipelines.cost.estimate import Asked, Estimate, StageEstimate, asked_of, estimate
from pipelines.cost.rates import rate_card
from pipelines.sample_data import ROOT
from tests.pipelines.cluster.making import content_of
from tests.pipelines.cost.making import (
    FOUR_GPUS,
    GPU,
    HALF_AN_HOUR,
    MODELS,
    TWO_CORES,
    add_held,
    add_stage,
    add_steps,
    make_run,
)

CORES = Devices(name=CORE, count=2, model="A CPU")
GPUS = Devices(name=GPU, count=8)
SERVER = {"server": "http://llm-0.llm:8000"}


def _estimate(home: Home, devices: Devices, run_id: str | None = None) -> Estimate:
    asked = Asked(hours=100.0, samples=1000, place="here", devices={stage.name: devices for stage in STAGES})
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
    assert (stage.device_hours, stage.wall_hours, stage.money) == (None, None, None)
    assert "validate_data" in found.not_known
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
    on_l4 = _of(_estimate(home, Devices(name="NVIDIA L4", count=1)), "self_generate")
    assert on_l4.device_hours is None
    assert "1 x NVIDIA H100" in on_l4.basis  # of a GPU, though of another, and not of cores


def test_a_run_of_ours_on_such_devices_comes_before_what_is_published_of_them(home: Home) -> None:
    published = _of(_estimate(home, GPUS), "train_model")
    assert published.device_hours == pytest.approx(5000 / 436.9 * 10.51 / 3600)
    assert "it is LoRA on text" in published.basis
    add_stage(make_run(home, "r1", FOUR_GPUS), "train_model", rows_in=100)
    assert _of(_estimate(home, GPUS), "train_model").device_hours == pytest.approx(4 * 5000 / 100)


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
    found = json.loads("{" + rest)
    assert "7,000 h of audio, 5,000,000 samples, on cluster cloud" in text
    assert "in all, without validate_data, evaluate_model;" in text
    assert found["not_known"] == ["validate_data", "evaluate_model"]
    unknown = [stage for stage in found["stages"] if stage["stage"] in found["not_known"]]
    assert [(stage["device_hours"], stage["money"]) for stage in unknown] == [(None, None)] * 2
    assert not home.runs.exists()


def test_each_stage_is_estimated_on_what_it_holds_on_the_cluster(home: Home) -> None:
    add_stage(make_run(home, "r1", TWO_CORES), "ingest_audio", facts=HALF_AN_HOUR)
    found = estimate(asked_of(100.0, 1000, "cloud"), None, rate_card(None, home), home)
    ingested, generated, trained = (_of(found, name) for name in ("ingest_audio", "self_generate", "train_model"))
    assert [stage.devices.count for stage in (ingested, generated, trained) if stage.devices] == [8, 8, 4]
    assert "measured by one run" in ingested.basis  # a core is a core, whose model the cluster does not name
    assert (ingested.device_hours, ingested.wall_hours, ingested.money) == (400.0, 50.0, 20.0)
    assert generated.device_hours == pytest.approx(1000 * 10.84 / 320 / 3600)
    assert generated.money == pytest.approx((generated.device_hours or 0) * 3.0)


def test_sums_are_of_what_is_known_and_hours_of_cores_and_gpus_are_not_added(home: Home) -> None:
    found = estimate(asked_of(7000.0, 5_000_000, "cloud"), None, rate_card(None, home), home)
    known = [stage for stage in found.stages if stage.stage not in found.not_known]
    assert found.device_hours.keys() == {CORE, GPU}
    assert sum(found.device_hours.values()) == pytest.approx(sum(stage.device_hours or 0 for stage in known))
    assert found.money == pytest.approx(found.device_hours[CORE] * 0.05 + found.device_hours[GPU] * 3.0)
    assert found.wall_hours == pytest.approx(sum(stage.wall_hours or 0 for stage in known))


def test_without_a_price_there_is_no_sum_of_money(home: Home) -> None:
    card = rate_card(None, home).model_copy(update={"device_hour": {GPU: 3.0}})
    found = estimate(asked_of(1.0, 1, "cloud"), None, card, home)
    assert _of(found, "train_model").money is not None
    assert (found.money, "ingest_audio" in found.not_known) == (None, False)


def test_where_nothing_is_known_no_sum_is_said(home: Home) -> None:
    found = _estimate(home, Devices(name="an unheard-of GPU", count=1))
    assert len(found.not_known) == len(STAGES)
    assert (found.device_hours, found.wall_hours, found.money) == ({}, None, None)


def test_answers_of_servers_are_not_estimated_from_the_cores_of_those_who_ask(home: Home) -> None:
    found = _of(estimate(asked_of(1.0, 1, "onprem"), None, rate_card(None, home), home), "self_generate")
    assert (found.devices, found.device_hours, found.units) == (None, None, 1)
    assert "servers of the cluster answer" in found.basis


def test_a_run_on_a_cluster_measures_on_what_each_stage_held_and_nothing_where_servers_answered(home: Home) -> None:
    run_dir = make_run(home, "r1", None, cluster="onprem", parameters=MODELS | {"self_generate_settings": SERVER})
    add_held(run_dir, self_generate=CORES, train_model=GPUS)
    add_stage(run_dir, "self_generate", rows_out=100)
    add_stage(run_dir, "train_model", rows_in=100)
    assert _of(_estimate(home, GPUS), "train_model").device_hours == pytest.approx(8 * 5000 / 100)
    assert "self_generate" in _estimate(home, CORES).not_known


def test_a_cluster_may_be_a_file(home: Home, tmp_path: Path) -> None:
    del home
    file = tmp_path / "ours.yaml"
    file.write_text(yaml.safe_dump(content_of("cloud") | {"name": "ours", "device": "NVIDIA L4", "shards": 3}))
    asked = asked_of(1.0, 1, str(file))
    assert (asked.place, str(asked.devices["self_generate"])) == ("cluster ours", "3 x NVIDIA L4")


def test_costs_are_told_without_the_libraries_of_a_cluster() -> None:
    told = "import sys, pipelines.cost.bill, pipelines.cost.estimate; print({'kfp', 'kubernetes'} & {*sys.modules})"
    found = subprocess.run([sys.executable, "-c", told], cwd=ROOT, check=True, capture_output=True, text=True)
    assert found.stdout == "set()\n"


@pytest.mark.parametrize("argv", [["--hours", "0"], ["--hours", "nan"], ["--samples", "-1"], ["--cluster", "moon"]])
def test_what_cannot_be_is_one_line(home: Home, capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    del home
    with pytest.raises(SystemExit) as ended:
        main(["estimate", "--hours", "1", "--samples", "1", *argv])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
