"""A run's beginning and end are told once, and it has its bundle once, whenever the driver was killed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError, ContractError
from components.core.home import Home
from components.core.runs import State, read_run, write_run
from pipelines.bundle import sealing
from pipelines.bundle.sealing import FOLDER, bundle_digest, seal_killed, tell_ended, tell_started, write_bundle
from pipelines.bundle.signing import signing_key
from pipelines.bundle.verification import verify_bundle
from pipelines.conclusion import sealed
from pipelines.ending import Ending
from pipelines.journal import Entry, Event, journal_file, read_journal
from pipelines.run import _recover
from pipelines.status import status_of
from pipelines.summary import summary_of
from tests.pipelines.bundle.making import make_ended_run, make_running
from tests.pipelines.results import make_run_record


def told(home: Home) -> list[tuple[Event, str]]:
    return [(entry.event, entry.facts["run_id"]) for entry in read_journal(home)]


def the_end(home: Home) -> Entry:
    (end,) = (entry for entry in read_journal(home) if entry.event is Event.RUN_ENDED)
    return end


def recover(home: Home) -> None:
    """What the next run does first."""
    _recover(home, signing_key(home), None)


def before_the_first_entry(home: Home, run_dir: Path) -> State:
    make_running(home, run_dir)
    journal_file(home).unlink()
    return State.FAILED


def while_it_ran(home: Home, run_dir: Path) -> State:
    make_running(home, run_dir)
    return State.FAILED


def before_the_bundle(home: Home, run_dir: Path) -> State:
    tell_started(read_run(run_dir), home)
    return State.SUCCEEDED


def in_the_midst_of_the_bundle(home: Home, run_dir: Path) -> State:
    tell_started(read_run(run_dir), home)
    (run_dir / f".{FOLDER}.draft").mkdir()
    (run_dir / f".{FOLDER}.draft" / "bundle.json").write_text("{")
    return State.SUCCEEDED


def before_the_last_entry(home: Home, run_dir: Path) -> State:
    tell_started(read_run(run_dir), home)
    write_bundle(run_dir, home, signing_key(home))
    return State.SUCCEEDED


def after_the_last_entry(home: Home, run_dir: Path) -> State:
    tell_started(read_run(run_dir), home)
    tell_ended(run_dir, write_bundle(run_dir, home, signing_key(home)), home)
    return State.SUCCEEDED


KILLED = [
    before_the_first_entry,
    while_it_ran,
    before_the_bundle,
    in_the_midst_of_the_bundle,
    before_the_last_entry,
    after_the_last_entry,
]


@pytest.mark.parametrize("killed", KILLED, ids=lambda killed: killed.__name__)
def test_killed_at_any_moment_both_ends_are_told_once(killed: Callable[[Home, Path], State], home: Home) -> None:
    run_dir = make_ended_run(home)
    state = killed(home, run_dir)
    for _ in range(2):
        recover(home)
        assert told(home) == [(Event.RUN_STARTED, "r1"), (Event.RUN_ENDED, "r1")]
        end = the_end(home).facts
        assert (end["state"], end["bundle"]) == (state, bundle_digest(run_dir / FOLDER))
        assert end["results"].keys() == {"clips", "samples", "accepted", "model", "report"}
        assert len(list(verify_bundle(run_dir / FOLDER, None, home))) == 4
    assert not list(run_dir.glob(".*draft"))


def test_a_run_of_a_time_without_a_journal_is_left_as_it_is(home: Home) -> None:
    run_dir = make_ended_run(home)
    recover(home)
    assert told(home) == []
    assert not (run_dir / FOLDER).exists()


def test_a_killed_run_whose_bundle_cannot_be_made_blocks_no_other(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    run_dir = make_ended_run(home)
    make_running(home, run_dir)
    (run_dir / "tracking.json").write_text("{")
    tell_started(read_run(run_dir), home)
    seal_killed(home, signing_key(home))
    assert the_end(home).facts["bundle"] is None
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"run r1 has no bundle: {run_dir / 'tracking.json'}: damaged")


def test_a_run_that_cannot_have_its_bundle_did_not_succeed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    run_dir = make_ended_run(home)
    tell_started(read_run(run_dir), home)
    monkeypatch.setattr(sealing, "sign", _no_room)
    ending = sealed(run_dir, home, signing_key(home), Ending(State.SUCCEEDED, 0))
    assert (ending.state, ending.exit_code) == (State.FAILED, 1)
    assert ending.error is not None
    assert ending.error.startswith("bundle of run r1: could not write to ")
    assert (read_run(run_dir).state, read_run(run_dir).error) == (State.FAILED, ending.error)
    assert (the_end(home).facts["state"], the_end(home).facts["bundle"]) == ("failed", None)
    assert not (run_dir / FOLDER).exists()


def _no_room(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_the_summary_of_the_run_says_where_its_bundle_is(home: Home, bundle: Path) -> None:
    run_dir = home.runs / "r1"
    line = f"  bundle            {bundle}"
    assert line in summary_of(status_of(run_dir), run_dir).splitlines()
    shutil.rmtree(bundle)
    assert line not in summary_of(status_of(run_dir), run_dir).splitlines()


def test_a_damaged_journal_lets_no_run_begin(home: Home) -> None:
    make_ended_run(home)
    journal_file(home).write_text("{}\n")
    with pytest.raises(ContractError, match=r"journal\.jsonl: line 1 is no entry"):
        recover(home)


def test_the_newest_bundle_is_found_though_another_run_has_none(home: Home) -> None:
    from pipelines.bundle.verification import bundle_named

    write_run(home.runs / "r2", make_run_record(run_id="r2"))
    with pytest.raises(ConfigurationError, match="run r2: has no bundle"):
        bundle_named(home, None)


def test_the_bundle_of_a_folder_that_was_removed_is_not_told_of_again(home: Home) -> None:
    run_dir = make_ended_run(home)
    after_the_last_entry(home, run_dir)
    shutil.rmtree(run_dir)
    recover(home)
    assert told(home) == [(Event.RUN_STARTED, "r1"), (Event.RUN_ENDED, "r1")]
