"""A record that a full disk or a hand has damaged is named by its file, and hides no other run."""

import json
from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError, ContractError
from components.core.home import Home
from components.core.inference.choosing import chosen_model
from components.core.runs import Output, State, stage_file, write_record, write_run
from pipelines.cli import main
from pipelines.export.accepted import run_to_export
from pipelines.findings import State as Health
from pipelines.status import run_dir_of, status_of
from pipelines.study.study import material_of
from pipelines.torn_runs import runs as examine_runs
from tests.pipelines.results import make_run_record, make_stage_record

TORN = {
    "empty": b"",
    "half": b'{"run_id": "new", "profile": "smo',
    "no-text": b"\xff\xfe\x00",
    "another-record": b'{"error": "full", "exit_code": 1}',
    "a-list": b"[]",
}
WORDS = {"ingest_audio": "clips", "validate_data": "accepted", "train_model": "model"}


def run_of(home: Home, run_id: str, started_s: float) -> Path:
    run_dir = home.runs / run_id
    write_run(run_dir, make_run_record(run_id=run_id, started_s=started_s, parameters={"encoder": "e", "llm": "l"}))
    for stage, word in WORDS.items():
        outputs = {word: Output(digest="d", path=f"/store/{run_id}/{word}")}
        record = make_stage_record(stage=stage, state=State.SUCCEEDED, outputs=outputs)
        write_record(stage_file(run_dir, stage), record)
    return run_dir


@pytest.fixture
def old(home: Home) -> Path:
    return run_of(home, "old", 1.0)


@pytest.fixture(params=TORN)
def torn(request: pytest.FixtureRequest, home: Home) -> Path:
    """The damaged record of a run that is newer than `old`."""
    file = run_of(home, "new", 2.0) / "run.json"
    file.write_bytes(TORN[request.param])
    return file


@pytest.mark.usefixtures("old")
def test_what_needs_the_run_names_the_file_and_what_to_do(
    torn: Path, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["status", "new"])
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {torn}: damaged: ")
    assert f"remove {torn.parent}" in line
    with pytest.raises(ContractError, match=r"run\.json: damaged"):
        material_of(home, "new")


def test_what_looks_for_the_newest_passes_it_over_with_a_line(
    torn: Path, old: Path, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_dir_of(home, None) == old
    assert run_to_export(home, None) == old
    assert material_of(home, None).accepted == "/store/old/accepted"
    assert chosen_model(None, home) == Path("/store/old/model")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert all(line.startswith(f"{torn}: damaged: ") and line.endswith("; passed over") for line in lines)


def test_the_list_of_runs_has_the_others(torn: Path, old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["runs", "--json"])
    assert ended.value.code == 0
    said = capsys.readouterr()
    assert [run["run_id"] for run in json.loads(said.out)] == [old.name]
    assert said.err.startswith(f"{torn}: damaged: ")


@pytest.mark.parametrize("name", ["tracking.json", "stages/validate_data.json", "stages/train_model.json"])
def test_a_torn_record_beside_that_of_the_run_is_named_too(name: str, home: Home, old: Path) -> None:
    new = run_of(home, "new", 2.0)
    (new / name).write_bytes(b"{")
    with pytest.raises(ContractError, match=f"{new / name}: damaged: "):
        status_of(new)
    assert run_dir_of(home, None) == new
    if name != "stages/train_model.json":
        return
    assert chosen_model(None, home) == Path("/store/old/model")
    assert old.is_dir()


def test_a_torn_run_alone_is_no_run(home: Home) -> None:
    file = run_of(home, "new", 2.0) / "run.json"
    file.write_bytes(b"")
    with pytest.raises(ConfigurationError, match="no trained model yet"):
        chosen_model(None, home)


def test_the_doctor_names_what_is_torn(home: Home, old: Path) -> None:
    assert examine_runs() == (Health.OK, "their records are whole")
    (old / "failure.json").write_bytes(b"{")
    run_of(home, "new", 2.0).joinpath("run.json").write_bytes(b"")
    state, detail = examine_runs()
    assert state is Health.WARNING
    assert [part.split(": damaged")[0] for part in detail.split("; ") if "damaged" in part] == [
        str(home.runs / "new" / "run.json"),
        str(old / "failure.json"),
    ]
