import json
from pathlib import Path

from pipelines.study.findings import PICTURE, RECORD, TABLE, Failure, Finding, Look, table, write_findings


def finding(name: str, gain: float) -> Finding:
    looks = tuple(Look(step=step, minutes=step / 10, loss=2.0, audio_gain=gain * step / 30) for step in (10, 20, 30))
    return Finding(
        condition=name,
        changes={"queries": 8},
        steps=30,
        minutes=4.0,
        ppl_untrained=5.0,
        ppl_trained=4.0,
        audio_gain=gain,
        audio_gain_low=gain - 0.02,
        audio_gain_high=gain + 0.03,
        audio_gain_of={"speech": gain},
        looks=looks,
    )


def test_the_condition_that_hears_most_stands_first() -> None:
    lines = table([finding("deaf", 0.0), finding("keen", 0.08)], []).splitlines()

    assert lines[0] == "| condition | perplexity | audio gain (95 %) | speech | steps | minutes | gain a minute |"
    assert lines[2] == "| keen | 5.00 → 4.00 | 0.080 [0.060, 0.110] | 0.080 | 30 | 4.0 | 0.0200 |"
    assert lines[3].startswith("| deaf | ")


def test_findings_are_written_with_what_failed(tmp_path: Path) -> None:
    failed = Failure(condition="too fast", changes={"learning_rate": 9.0}, error="train_model ended with code 1")

    write_findings(tmp_path, [finding("keen", 0.08)], [failed])

    record = json.loads((tmp_path / RECORD).read_text())
    assert [row["condition"] for row in record["findings"] + record["failures"]] == ["keen", "too fast"]
    assert (tmp_path / TABLE).read_text().endswith("\ntoo fast: train_model ended with code 1\n")
    assert (tmp_path / PICTURE).read_bytes().startswith(b"\x89PNG")


def test_a_study_of_which_everything_failed_has_no_picture(tmp_path: Path) -> None:
    write_findings(tmp_path, [], [Failure(condition="a", changes={}, error="train_model ended with code 1")])

    assert not (tmp_path / PICTURE).exists()
