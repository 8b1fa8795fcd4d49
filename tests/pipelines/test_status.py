"""Scripts read a run's state from JSON that keeps its shape, whatever became of the run."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from components.core.runs import (
    Increment,
    ModelVersion,
    Output,
    Standing,
    State,
    TrackingRecord,
    read_tracking,
    stage_file,
    write_record,
    write_run,
    write_tracking,
)
from components.core.stages import STAGES
from pipelines.cli import main
from pipelines.status import METRICS, run_dir_of, status_of
from pipelines.summary import line_of, summary_of
from tests.pipelines.results import FIGURES, make_run_record, make_stage_record

NOW_S = time.time()


def _run(home: Home, run_id: str = "r1", **changes: Any) -> Path:
    write_run(home.runs / run_id, make_run_record(**{"run_id": run_id, "started_s": NOW_S, **changes}))
    return home.runs / run_id


def _stage(run_dir: Path, stage: str, **changes: Any) -> None:
    done = {
        "state": State.SUCCEEDED,
        "rows_in": 5,
        "rows_out": 4,
        "refused": {"too_short": 1},
        "seconds": 2.0,
        "started_s": NOW_S,
        "outputs": {"out": Output(digest="d", path="/store/d")},
    }
    write_record(stage_file(run_dir, stage), make_stage_record(stage=stage, **{**done, **changes}))


@pytest.fixture
def finished(home: Home) -> Path:
    run_dir = _run(home)
    for stage in STAGES:
        _stage(run_dir, stage.name, facts=FIGURES if stage.name == "evaluate_model" else {})
    model = ModelVersion(name="desta-adapter", version="1", digest="d")
    champion = Standing(version="1", reason="the champion already")
    write_tracking(run_dir, TrackingRecord(mlflow_run_id="m1", model=model, champion=champion))
    return run_dir


def _printed(capsys: pytest.CaptureFixture[str], *argv: str) -> Any:
    with pytest.raises(SystemExit) as ended:
        main([*argv, "--json"])
    assert ended.value.code == 0
    return json.loads(capsys.readouterr().out)


def test_the_status_of_a_finished_run_is_the_promised_json(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = _printed(capsys, "status")
    stages = status.pop("stages")
    assert status == {
        "run_id": finished.name,
        "profile": "smoke",
        "state": "succeeded",
        "seconds": 12.5,
        "metrics": {**dict.fromkeys(METRICS), **FIGURES},
        "gate": {"passed": True, "reasons": []},
        "model": {"name": "desta-adapter", "version": "1", "digest": "d"},
        "champion": {"version": "1", "reason": "the champion already"},
        "mlflow_run_id": "m1",
        "data_revision": "corpora:abc",
    }
    assert list(stages) == [stage.name for stage in STAGES]
    assert stages["train_model"] == {
        "state": "succeeded",
        "reused": False,
        "rows_in": 5,
        "rows_out": 4,
        "refused": {"too_short": 1},
        "seconds": 2.0,
        "outputs": {"out": {"digest": "d", "path": "/store/d"}},
        "increment": None,
    }


def test_the_list_of_runs_is_the_same_without_stages_and_the_newest_first(
    finished: Path, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(home, "r0", started_s=NOW_S - 60)
    runs = _printed(capsys, "runs")
    assert [run["run_id"] for run in runs] == [finished.name, "r0"]
    status = _printed(capsys, "status", finished.name)
    del status["stages"]
    assert runs[0] == status


def test_what_is_not_known_yet_is_null(home: Home) -> None:
    run_dir = _run(home, state=State.RUNNING)
    _stage(run_dir, "ingest_audio", state=State.RUNNING, outputs={})
    status = status_of(run_dir)
    assert status.state is State.RUNNING
    assert set(status.metrics.values()) == {None}
    assert status.gate.passed is None
    assert set(status.model.values()) == {None}
    assert set(status.champion.values()) == {None}
    assert status.mlflow_run_id is None
    assert [stage.state for stage in status.stages.values()] == ["running", *["pending"] * 5]


@pytest.mark.parametrize("started_s", [0.0, 1.0])
def test_a_run_whose_driver_is_gone_has_failed_also_when_another_process_has_its_number(
    home: Home, started_s: float
) -> None:
    run_dir = _run(home, state=State.RUNNING, process_started_s=started_s)
    _stage(run_dir, "ingest_audio", state=State.RUNNING, outputs={})
    status = status_of(run_dir)
    assert status.state is State.FAILED
    assert status.stages["ingest_audio"].state == "failed"
    assert "the run was killed" in summary_of(status, run_dir)


def test_a_gate_that_refused_gives_its_reasons(home: Home) -> None:
    run_dir = _run(home, state=State.REFUSED, error="validate_data: too few")
    _stage(run_dir, "validate_data", state=State.REFUSED, facts={"refusals": ["too few"]})
    status = status_of(run_dir)
    assert (status.gate.passed, status.gate.reasons) == (False, ("too few",))
    assert "refused: too few" in summary_of(status, run_dir)


def test_a_model_that_the_champion_keeps_out_gives_the_lines_of_the_policy(finished: Path) -> None:
    line = "regression.accuracy: is worse"
    known = read_tracking(finished)
    assert known is not None
    standing = Standing(version="4", reason=line, refusals=(line,))
    write_tracking(finished, known.model_copy(update={"champion": standing}))
    status = status_of(finished)
    assert (status.gate.passed, status.gate.reasons) == (False, (line,))
    assert status.champion == {"version": "4", "reason": line}
    text = summary_of(status, finished)
    assert f"gate              refused: {line}" in text
    assert f"champion          desta-adapter version 4 stays: {line}" in text


def test_a_figure_that_is_not_finite_is_null_because_json_has_no_other_word(home: Home) -> None:
    run_dir = _run(home)
    _stage(run_dir, "evaluate_model", facts={**FIGURES, "ppl_trained": float("inf")})
    assert status_of(run_dir).metrics["ppl_trained"] is None


def test_the_summary_says_what_came_of_the_run_and_where_to_look(finished: Path) -> None:
    text = summary_of(status_of(finished), finished)
    for said in (
        "run r1 (smoke) succeeded after 12.5 s",
        "5 rows in, 4 out, 1 refused (too_short 1)",
        "untrained 4.00, trained 3.00 (25% lower), with a wrong clip 3.50",
        "0.150 nats a token, 95 % interval 0.100 to 0.200",
        "model             desta-adapter version 1 (d)",
        "champion          desta-adapter version 1 (the champion already)",
        "desta ui",
        str(finished / "log.txt"),
    ):
        assert said in text
    assert line_of(status_of(finished)).startswith("r1  smoke    succeeded")


def test_what_was_found_and_what_was_made_is_in_status_and_summary(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _stage(finished, "self_generate", increment=Increment(unit="answers", found=818, made=10))
    status = _printed(capsys, "status")
    assert status["stages"]["self_generate"]["increment"] == {"unit": "answers", "found": 818, "made": 10}
    assert "1 refused (too_short 1); 818 of 828 answers found, 10 made\n" in summary_of(status_of(finished), finished)


def test_the_summary_tells_of_drift_since_the_last_accepted_samples(home: Home, tmp_path: Path) -> None:
    (tmp_path / "data_docs").mkdir()
    (tmp_path / "data_docs" / "drift.json").write_text(json.dumps({"warnings": ["domain shares changed by 0.50"]}))
    run_dir = _run(home)
    _stage(run_dir, "validate_data", outputs={"accepted": Output(digest="d", path=str(tmp_path))})
    assert "  drift             domain shares changed by 0.50\n" in summary_of(status_of(run_dir), run_dir)


def test_a_run_that_does_not_exist_is_an_error_that_says_where_runs_are_listed(home: Home) -> None:
    with pytest.raises(ConfigurationError, match="no run yet"):
        run_dir_of(home, None)
    _run(home)
    with pytest.raises(ConfigurationError, match="no run r9; `desta runs` lists them"):
        run_dir_of(home, "r9")
