"""`desta log`: what the journal tells, in lines for people and as JSON, or one line about its damage."""

import json
from pathlib import Path

import pytest

from components.core.home import Home
from pipelines.cli import main
from pipelines.journal import Event, journal_file, read_journal, record_event, record_once, telling


def log(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["log", *argv])
    said = capsys.readouterr()
    return int(str(ended.value.code)), said.out, said.err


@pytest.fixture
def told(home: Home) -> Home:
    home.root.mkdir()
    record_event(home, Event.RUN_STARTED, {"run_id": "a", "profile": "smoke"})
    record_event(home, Event.CHAMPION_CHANGED, {"version": "2", "previous": None, "reason": "hears better"})
    facts = {"state": "failed", "error": "full", "results": {"clips": "ab" * 32}, "run_id": "a"}
    record_event(home, Event.RUN_ENDED, facts)
    return home


@pytest.mark.usefixtures("told")
def test_the_newest_comes_last_in_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = log(capsys)
    first, second, third = out.splitlines()
    assert code == 0
    assert first.split()[0::2][:1] == ["1"]
    assert first.endswith("run_started          run_id a, profile smoke")
    assert second.endswith("champion_changed     reason hears better, version 2")
    assert third.endswith("run_ended            run_id a, error full, results clips:abababababab, state failed")


def test_it_can_be_asked_for_less(told: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(log(capsys, "--last", "2")[1].splitlines()) == 2
    _, out, _ = log(capsys, "--event", "champion_changed", "--last", "9", "--json")
    (entry,) = json.loads(out)
    assert entry == read_journal(told)[1].model_dump(mode="json")
    assert json.loads(log(capsys, "--event", "erased", "--json")[1]) == []


@pytest.mark.usefixtures("home")
def test_before_the_first_entry_there_is_nothing_to_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert log(capsys) == (0, "", "")
    assert log(capsys, "--json")[1] == "[]\n"


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["--event", "born"], "invalid choice: 'born'"),
        (["--last", "0"], "--last 0: want a number of entries"),
        (["--last", "x"], "invalid int value"),
    ],
)
@pytest.mark.usefixtures("told")
def test_what_cannot_be_asked_is_said(argv: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = log(capsys, *argv)
    assert code == 2
    assert line in err


def test_damage_is_one_line_though_it_is_not_what_was_asked_for(told: Home, capsys: pytest.CaptureFixture[str]) -> None:
    file = journal_file(told)
    file.write_bytes(file.read_bytes().replace(b"hears better", b"hears worse!"))
    code, out, err = log(capsys, "--last", "1")
    assert (code, out) == (1, "")
    assert err == f"error: {file}: line 2 is not what was written; restore the file from a backup\n"


def test_what_is_told_again_is_there_once(told: Home) -> None:
    for _ in range(2):
        record_once(told, Event.RUN_STARTED, {"run_id": "a", "profile": "another"}, by="run_id")
        record_once(told, Event.RUN_STARTED, {"run_id": "b"}, by="run_id")
    started = [entry.facts for entry in read_journal(told) if entry.event is Event.RUN_STARTED]
    assert started == [{"run_id": "a", "profile": "smoke"}, {"run_id": "b"}]


def test_an_act_that_did_not_end_has_its_beginning_alone(home: Home, tmp_path: Path) -> None:
    facts = {"folder": str(tmp_path)}
    with pytest.raises(OSError, match="full"), telling(home, Event.EXPORT_STARTED, Event.EXPORTED, facts):
        raise OSError("full")
    with telling(home, Event.EXPORT_STARTED, Event.EXPORTED, facts) as told:
        told["clips"] = 3
    assert [(entry.event, entry.facts) for entry in read_journal(home)] == [
        (Event.EXPORT_STARTED, facts),
        (Event.EXPORT_STARTED, facts),
        (Event.EXPORTED, {**facts, "clips": 3}),
    ]
