"""A budget ends a run before it overspends, and what was finished by then is used again."""

import time
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from components.core.home import Home
from components.core.models.store import StoredModel
from components.core.runs import State, read_tracking, run_dirs
from pipelines.bundle.surroundings import environment
from pipelines.cli import main
from pipelines.cost.budget import Budget, Meter
from pipelines.cost.devices import these_devices
from pipelines.cost.rates import rate_card
from pipelines.plan import plan
from pipelines.processes import processes_of
from pipelines.profiles import Profile, smoke
from pipelines.progress import StageView, views
from tests.pipelines.cost.making import HALF_AN_HOUR, add_stage, make_run
from tests.pipelines.results import make_corpus, make_stage_record

CHEAP = """currency: EUR
said_by: us
said_on: 2026-11-01
device_hour: {cpu core: 2.0}
storage_gb_month: 0.0
"""


@pytest.fixture
def profile(tmp_path: Path, encoder: StoredModel, llm: StoredModel) -> Profile:
    """A small run on one sound."""
    del encoder, llm
    made: Profile = smoke()
    return Profile(**{**vars(made), "corpora": (make_corpus(tmp_path / "sounds"),)})


def _budget(home: Home, **limits: float) -> Budget:
    home.root.mkdir(exist_ok=True)
    (home.root / "rate-card.yaml").write_text(CHEAP)
    return Budget(devices=these_devices(), card=rate_card(None, home), **limits)


def _seen(stage: str, **changes: Any) -> list[StageView]:
    return [StageView(stage, make_stage_record(stage=stage, **changes), None)]


def _earlier_run(home: Home, profile: Profile, stage: str, **changes: Any) -> None:
    """Write a run on this very machine, with these models, of which a stage took a thousand hours."""
    run_dir = make_run(home, "earlier", environment(), parameters=profile.parameters(""))
    add_stage(run_dir, stage, seconds=3.6e6, **changes)


def test_a_run_is_over_when_its_devices_were_held_for_longer(home: Home, profile: Profile) -> None:
    cores = these_devices().count
    meter = Meter(_budget(home, money=2.0 * cores), profile, home)  # an hour of this machine
    begun_s = time.time()
    assert meter.over(_seen("ingest_audio", state=State.RUNNING, started_s=begun_s - 3500)) is None
    line = meter.over(_seen("ingest_audio", state=State.RUNNING, started_s=begun_s - 3700))
    assert line is not None
    assert line.startswith(f"ingest_audio: {2.0 * cores * 3700 / 3600:.2f}")
    assert f"EUR spent, budget {2 * cores:g} EUR; run again with more" in line


def test_what_was_reused_is_not_charged(home: Home, profile: Profile) -> None:
    meter = Meter(_budget(home, device_hours=0.5), profile, home)
    done = {"state": State.SUCCEEDED, "seconds": 36000.0, "facts": HALF_AN_HOUR}
    assert meter.over(_seen("ingest_audio", **done, reused=True)) is None
    assert meter.over(_seen("ingest_audio", **done)) is not None


def test_a_stage_that_nobody_measured_may_begin(home: Home, profile: Profile) -> None:
    meter = Meter(_budget(home, device_hours=0.5), profile, home)
    assert meter.over(_seen("ingest_audio", state=State.SUCCEEDED, facts=HALF_AN_HOUR)) is None


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--budget", "0"], "--budget 0.0: want more than 0"),
        (["--budget", "nan"], "--budget nan: want more than 0"),
        (["--max-device-hours", "-3"], "--max-device-hours -3.0: want more than 0"),
        (["--max-device-hours", "inf"], "--max-device-hours inf: want more than 0"),
        (["--budget", "1"], "has no price for"),
    ],
)
def test_a_budget_that_cannot_be_kept_starts_no_run(
    home: Home, capsys: pytest.CaptureFixture[str], argv: list[str], told: str
) -> None:
    home.root.mkdir()
    (home.root / "rate-card.yaml").write_text(CHEAP.replace("cpu core", "another device"))
    with pytest.raises(SystemExit) as ended:
        main(["run", "--profile", "smoke", *argv])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert not home.runs.exists()


def test_a_real_run_stops_before_the_stage_that_would_overspend_and_keeps_what_is_finished(
    home: Home, profile: Profile, capsys: pytest.CaptureFixture[str]
) -> None:
    _earlier_run(home, profile, "self_generate", rows_out=1)
    argv = ["run", "--profile", "smoke", "--corpus", str(profile.corpora[0]), "--max-device-hours", "50"]
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 3
    run_dir = next(folder for folder in run_dirs(home.runs) if folder.name != "earlier")
    (line,) = [each for each in capsys.readouterr().err.splitlines() if each.startswith("error: ")]
    assert line.startswith("error: over budget: self_generate: would take about ")
    assert "device hours spent, budget 50 device hours; run again with more to go on from here" in line
    assert [view.name for view in views(run_dir) if view.record] == ["ingest_audio", "extract_metadata"]
    assert not list(processes_of(run_dir))
    tracking = read_tracking(run_dir)
    assert tracking is not None
    told = MlflowClient(home.tracking_uri, home.tracking_uri).get_run(tracking.mlflow_run_id)
    assert told.info.status == "KILLED"
    assert told.data.metrics["cost.device_hours.cpu_core"] > 0
    later = plan(profile, home)
    assert [later[stage].action for stage in ("ingest_audio", "extract_metadata", "self_generate")] == [
        *("reuse", "reuse", "run")
    ]
    seen = [view for view in views(run_dir) if view.record]
    assert Meter(_budget(home, device_hours=1e6), profile, home).over(seen) is None
