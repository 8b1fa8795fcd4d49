"""What a run used follows from its records; what it reused or did not write down is neither charged nor invented."""

import json

import pytest

from components.core.contracts.errors import ExitCode
from components.core.home import Home
from components.core.runs import Increment, State
from pipelines.bundle.surroundings import HELD
from pipelines.cli import main
from pipelines.cost.bill import Bill, bill_of, cost_line, figures_of
from pipelines.cost.devices import CORE, Devices
from pipelines.cost.rates import rate_card
from pipelines.cost.usage import usage_of
from tests.pipelines.cost.making import (
    FOUR_GPUS,
    GPU,
    HALF_AN_HOUR,
    TWO_CORES,
    add_held,
    add_stage,
    add_steps,
    make_run,
)


def test_a_stage_costs_the_time_of_all_devices_that_it_held_and_a_reused_one_nothing(home: Home) -> None:
    run_dir = make_run(home, "r1", FOUR_GPUS)
    add_stage(run_dir, "ingest_audio", facts=HALF_AN_HOUR, reused=True)
    add_stage(run_dir, "extract_metadata", seconds=900.0)
    bill = bill_of(run_dir, rate_card(None, home))
    assert [stage.device_hours for stage in bill.usage.stages] == [0.0, 1.0]
    assert bill.money == 3.0
    assert bill.usage.audio_hours == 0.5


def test_tokens_of_answers_that_were_there_are_not_counted_again(home: Home) -> None:
    run_dir = make_run(home, "r1", TWO_CORES)
    counted = {"prompt_tokens": 1000, "response_tokens": 200}
    add_stage(run_dir, "self_generate", facts=counted, increment=Increment(unit="answers", found=3, made=1))
    add_stage(run_dir, "train_model")
    add_steps(run_dir, 5)
    generated, trained = usage_of(run_dir).stages
    assert (generated.prompt_tokens, generated.output_tokens) == (250, 50)
    assert trained.trained_tokens == 2000
    assert usage_of(run_dir).tokens == 2300


def test_a_stage_that_failed_cost_what_it_took(home: Home) -> None:
    run_dir = make_run(home, "r1", TWO_CORES, state=State.FAILED)
    add_stage(run_dir, "ingest_audio", state=State.FAILED, outputs={}, error="a: broken")
    assert bill_of(run_dir, rate_card(None, home)).device_hours == {CORE: 2.0}


def test_a_run_on_a_cluster_is_priced_by_what_each_stage_held_there(home: Home) -> None:
    run_dir = make_run(home, "r1", TWO_CORES, cluster="cloud", parameters={"train_model_settings": {"nodes": 2}})
    add_held(run_dir, ingest_audio=Devices(name=CORE, count=8), train_model=Devices(name=GPU, count=4))
    add_stage(run_dir, "ingest_audio", facts=HALF_AN_HOUR)
    add_stage(run_dir, "train_model", seconds=1800.0)
    bill = bill_of(run_dir, rate_card(None, home))
    assert bill.device_hours == {CORE: 8.0, GPU: 2.0}  # hours of cores and of GPUs are not added
    assert bill.money == pytest.approx(8 * 0.05 + 2 * 3.0)
    assert f"8.000 hours of {CORE}, 2.000 hours of {GPU}, 6.4000 USD" in cost_line(run_dir, home)
    assert f"4 x {GPU}   30:00 min        2.0000" in _row_of("train_model", bill)


def test_a_stage_whose_devices_a_cluster_did_not_write_down_leaves_the_sum_unknown(home: Home) -> None:
    run_dir = make_run(home, "r1", None, cluster="cloud")
    add_held(run_dir, ingest_audio=Devices(name=CORE, count=8))
    add_stage(run_dir, "ingest_audio", facts=HALF_AN_HOUR)
    assert bill_of(run_dir, rate_card(None, home)).money == pytest.approx(0.4)
    add_stage(run_dir, "train_model")
    bill = bill_of(run_dir, rate_card(None, home))
    assert (bill.device_hours, bill.money) == (None, None)


def test_a_device_without_a_price_is_named_and_the_sum_is_not_known(home: Home) -> None:
    run_dir = make_run(home, "r1", None, cluster="ours")
    add_held(run_dir, ingest_audio=Devices(name="a board (1)", count=1))
    add_stage(run_dir, "ingest_audio", facts=HALF_AN_HOUR)
    bill = bill_of(run_dir, rate_card(None, home))
    assert (bill.device_hours, bill.money) == ({"a board (1)": 1.0}, None)
    assert "the rate card has none for a board (1): add it under device_hour" in str(bill)
    assert figures_of(bill)["cost.device_hours.a_board__1_"] == 1.0


def test_damaged_devices_are_one_line(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = make_run(home, "r1", None, cluster="cloud")
    (run_dir / HELD).write_text('{"stages": {"ingest_audio": {"name": "", "count": 0}}}')
    with pytest.raises(SystemExit) as ended:
        main(["cost", "r1"])
    assert ended.value.code == ExitCode.FAILED
    assert capsys.readouterr().err.count("\n") == 1


def test_a_run_that_reused_everything_held_no_device(home: Home) -> None:
    run_dir = make_run(home, "r1", TWO_CORES)
    add_stage(run_dir, "ingest_audio", facts=HALF_AN_HOUR, reused=True)
    assert "no device hours, 0.0000 USD" in cost_line(run_dir, home)


def test_a_run_that_did_not_write_down_its_devices_has_no_price(home: Home) -> None:
    run_dir = make_run(home, "r1", None)
    add_stage(run_dir, "ingest_audio", facts=HALF_AN_HOUR)
    bill = bill_of(run_dir, rate_card(None, home))
    assert (bill.device_hours, bill.money) == (None, None)
    assert "device hours not known, money not known" in cost_line(run_dir, home)


def test_a_damaged_card_is_told_in_the_summarys_line(home: Home) -> None:
    run_dir = make_run(home, "r1", TWO_CORES)
    (home.root / "rate-card.yaml").write_text("currency: shells\n")
    assert "not a rate card: currency" in cost_line(run_dir, home)


def test_the_command_prints_a_row_for_each_stage_and_json_for_scripts(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    add_stage(make_run(home, "r1", TWO_CORES), "ingest_audio", facts=HALF_AN_HOUR)
    for argv in (["cost", "r1"], ["cost", "--json"]):
        with pytest.raises(SystemExit) as ended:
            main(argv)
        assert ended.value.code == 0
    table, _, rest = capsys.readouterr().out.partition("{")
    assert "on 2 x cpu core (A CPU)" in table
    assert "0.50 h of audio, 0 tokens, 2.000 hours of cpu core, 0.1000 USD by the example" in table
    assert json.loads("{" + rest)["money"] == pytest.approx(0.1)


def _row_of(stage: str, bill: Bill) -> str:
    return next(line for line in str(bill).splitlines() if line.split()[0] == stage)
