"""What a run used follows from its records; what it reused or did not write down is neither charged nor invented."""

import json

import pytest

from components.core.home import Home
from components.core.runs import Increment, State
from pipelines.cli import main
from pipelines.cost.bill import bill_of, cost_line
from pipelines.cost.rates import rate_card
from pipelines.cost.usage import usage_of
from tests.pipelines.cost.making import FOUR_GPUS, HALF_AN_HOUR, TWO_CORES, add_stage, add_steps, make_run


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
    assert bill_of(run_dir, rate_card(None, home)).device_hours == 2.0


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
    assert "0.50 h of audio, 0 tokens, 2.000 device hours, 0.1000 USD by the example" in table
    assert json.loads("{" + rest)["money"] == pytest.approx(0.1)
