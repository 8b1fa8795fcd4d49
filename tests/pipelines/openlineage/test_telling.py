"""Events while a run goes on: once each, to its file and to a real server, whose trouble is never the run's."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.errors import ConfigurationError, ExitCode
from components.core.home import Home
from components.core.runs import State, write_run
from components.core.stages import STAGES
from pipelines.cli import main
from pipelines.openlineage import telling
from pipelines.openlineage.events import events_of
from pipelines.openlineage.server import Server, server_at, server_of_environment
from pipelines.openlineage.telling import Teller, events_file
from tests import desk
from tests.pipelines.openlineage.making import make_run, put_stage
from tests.pipelines.openlineage.validation import check
from tests.pipelines.results import make_run_record

PATH = "/api/v1/lineage"
NAMES = [stage.name for stage in STAGES]


@pytest.fixture
def marquez() -> Iterator[desk.Desk]:
    """A server that takes what is valid."""

    def take(event: dict[str, Any]) -> dict[str, Any]:
        check(event)
        return {}

    with desk.opened(PATH, take) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "ENDPOINT", "API_KEY"):
        monkeypatch.delenv(f"OPENLINEAGE_{name}", raising=False)
    monkeypatch.setattr(telling, "_EVERY_S", 0.02)


def _lines(run_dir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in events_file(run_dir).read_text().splitlines()]


def _ids(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["eventType"], event["job"]["name"]) for event in events]


def _all(run_dir: Path) -> list[tuple[str, str]]:
    return [(str(e.eventType and e.eventType.value), e.job.name) for e in events_of(run_dir)]


def _wait_for(run_dir: Path, number: int) -> None:
    deadline = time.monotonic() + 30
    while not events_file(run_dir).is_file() or len(_lines(run_dir)) < number:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_each_event_is_told_once_while_the_run_goes_on(home: Home, marquez: desk.Desk) -> None:
    run_dir = make_run(home, {}, state=State.RUNNING)
    with Teller(run_dir, server_at(marquez.address)):
        for number, name in enumerate(NAMES):
            put_stage(home, name, State.RUNNING)
            _wait_for(run_dir, 2 + 2 * number)
            put_stage(home, name, State.SUCCEEDED)
            _wait_for(run_dir, 3 + 2 * number)
        write_run(run_dir, make_run_record(started_s=1_767_350_000.0, seconds=60.0))
    assert _ids(_lines(run_dir)) == _all(run_dir)
    assert marquez.asked == _lines(run_dir)
    for event in marquez.asked:
        check(event)


def test_how_a_run_ended_waits_until_that_is_settled(home: Home) -> None:
    run_dir = make_run(home, {}, state=State.RUNNING)
    with Teller(run_dir, None):
        _wait_for(run_dir, 1)
        write_run(run_dir, make_run_record(state=State.SUCCEEDED))
        time.sleep(0.2)
        write_run(run_dir, make_run_record(state=State.FAILED, error="MLflow: full"))
    assert _ids(_lines(run_dir)) == [("START", "alignment"), ("FAIL", "alignment")]


def test_what_a_killed_driver_did_not_tell_follows_later_over_a_torn_line(home: Home) -> None:
    run_dir = make_run(home)
    with Teller(run_dir, None):
        pass
    whole = events_file(run_dir).read_bytes()
    lines = whole.splitlines(keepends=True)
    events_file(run_dir).write_bytes(b"".join(lines[:5]) + lines[5][:40])
    for _ in range(2):
        with Teller(run_dir, None):
            pass
        assert events_file(run_dir).read_bytes() == whole


@pytest.mark.parametrize(
    ("trouble", "times", "said"),
    [
        (desk.busy, 9, "answers 503 Service Unavailable"),
        (desk.refuse, 1, "answers 400 Bad Request"),
        (desk.unknown, 1, "answers 401 Unauthorized; set OPENLINEAGE_API_KEY"),
        (desk.hang_up, 1, "cannot be reached"),
        (desk.silence, 1, "the server takes longer than 0.3 s"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_server_in_trouble_is_one_line_and_the_file_is_whole(
    home: Home, marquez: desk.Desk, capsys: pytest.CaptureFixture[str], trouble: desk.Trouble, times: int, said: str
) -> None:
    run_dir = make_run(home)
    marquez.troubles.extend([trouble] * times)
    began = time.monotonic()
    with Teller(run_dir, server_at(marquez.address), patience_s=0.3 if trouble is desk.silence else 10):
        pass
    assert time.monotonic() - began < 10
    assert _ids(_lines(run_dir)) == _all(run_dir)
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert "`desta openlineage r1` tells all events again" in line
    assert len(marquez.asked) == (3 if trouble is desk.busy else 1)


def test_a_server_that_is_starting_is_asked_again(home: Home, marquez: desk.Desk) -> None:
    run_dir = make_run(home)
    marquez.troubles.append(desk.busy)
    with Teller(run_dir, server_at(marquez.address)):
        pass
    assert _ids(marquez.asked[1:]) == _all(run_dir)


def test_a_damaged_record_is_one_line(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = make_run(home)
    (run_dir / "stages" / "train_model.json").write_text("{")
    with Teller(run_dir, None):
        pass
    (line,) = capsys.readouterr().err.splitlines()
    assert "train_model.json: damaged" in line


def _command(*argv: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["openlineage", *argv])
    return int(str(ended.value.code))


def test_the_command_prints_the_events_and_writes_nothing(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = make_run(home)
    assert _command() == ExitCode.DONE
    assert _ids([json.loads(line) for line in capsys.readouterr().out.splitlines()]) == _all(run_dir)
    assert not events_file(run_dir).exists()


def test_the_command_sends_the_events_with_the_key(
    home: Home, marquez: desk.Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_dir = make_run(home)
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "open sesame")
    assert _command("r1", "--to", marquez.address) == ExitCode.DONE
    assert _ids(marquez.asked) == _all(run_dir)
    assert marquez.keys == {"Bearer open sesame"}
    assert capsys.readouterr().out == f"14 events of run r1 sent to {marquez.address}\n"


@pytest.mark.parametrize(
    ("trouble", "said"), [(desk.refuse, 'answers 400 Bad Request: {"error"'), (desk.hang_up, "cannot be reached")]
)
def test_the_command_fails_in_one_line_where_the_server_does(
    home: Home, marquez: desk.Desk, capsys: pytest.CaptureFixture[str], trouble: desk.Trouble, said: str
) -> None:
    make_run(home)
    marquez.troubles.append(trouble)
    assert _command("--to", marquez.address) == ExitCode.FAILED
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {marquez.address}: ")
    assert said in line


def test_nobody_at_the_address_is_one_line(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(home)
    with desk.opened(PATH, lambda _: {}) as gone:
        address = gone.address
    assert _command("--to", address) == ExitCode.FAILED
    assert "Connection refused; see that the server runs" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["marquez", "ftp://marquez", "http://", "http://me:secret@marquez"])
def test_an_address_that_cannot_be_is_a_usage_error_before_a_run_begins(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", url)
    with pytest.raises(ConfigurationError):
        server_of_environment()
    with pytest.raises(SystemExit) as ended:
        main(["run", "--profile", "smoke"])
    assert ended.value.code == ExitCode.USAGE
    assert "OpenLineage: " in (said := capsys.readouterr().err)
    assert "secret" not in said
    assert not home.runs.exists()


def test_files_of_the_user_that_the_client_would_read_are_left_alone(
    home: Home, marquez: desk.Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_run(home)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    (tmp_path / "openlineage.yml").write_text(
        "transport: {type: http, url: 'http://127.0.0.1:1', endpoint: elsewhere}\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OPENLINEAGE_CONFIG", str(tmp_path / "openlineage.yml"))
    monkeypatch.chdir(tmp_path)
    assert _command("--to", marquez.address) == ExitCode.DONE
    assert marquez.keys == {None}


def test_without_an_address_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    assert server_of_environment() is None
    monkeypatch.setenv("OPENLINEAGE_URL", "http://localhost:5000")
    monkeypatch.setenv("OPENLINEAGE_ENDPOINT", "lineage")
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "open sesame")
    server = server_of_environment()
    assert server == Server("http://localhost:5000", "lineage", "open sesame")
    assert "sesame" not in repr(server)
