"""The journal: it grows, it is chained, and what was done to it shows."""

import json
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pytest

from components.core.contracts.errors import ContractError
from components.core.home import Home
from pipelines.journal import BEGINNING, Event, journal_file, read_journal, record_event


@pytest.fixture
def three(home: Home) -> Home:
    home.root.mkdir()
    for run in ("a", "b", "c"):
        record_event(home, Event.RUN_STARTED, {"run_id": run})
    return home


def _lines(home: Home) -> list[bytes]:
    return journal_file(home).read_bytes().splitlines(keepends=True)


def test_there_is_nothing_to_read_before_the_first_entry(home: Home) -> None:
    assert read_journal(home) == []


def test_each_entry_holds_the_digest_of_the_one_before_it(three: Home) -> None:
    first, second, third = read_journal(three)
    assert first.before == BEGINNING
    assert (second.before, third.before) == (first.digest, second.digest)
    assert [entry.facts["run_id"] for entry in (first, second, third)] == ["a", "b", "c"]


def test_two_processes_at_once_lose_no_entry(home: Home) -> None:
    home.root.mkdir()
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(partial(record_event, home, Event.RUN_ENDED), ({"run_id": str(n)} for n in range(20))))
    assert sorted(int(entry.facts["run_id"]) for entry in read_journal(home)) == list(range(20))


@pytest.mark.parametrize("kept", [(1, 2), (0, 2), (0, 2, 1), (0, 0, 1, 2)])
def test_an_entry_that_was_taken_out_moved_or_repeated_is_found(three: Home, kept: tuple[int, ...]) -> None:
    lines = _lines(three)
    journal_file(three).write_bytes(b"".join(lines[number] for number in kept))
    with pytest.raises(ContractError, match="does not follow the line above it"):
        read_journal(three)


def test_a_changed_entry_is_found(three: Home) -> None:
    journal_file(three).write_bytes(journal_file(three).read_bytes().replace(b'"run_id":"b"', b'"run_id":"x"'))
    with pytest.raises(ContractError, match="line 2 is not what was written"):
        read_journal(three)


def test_an_entry_that_was_changed_with_its_digest_breaks_the_chain_below(three: Home) -> None:
    lines = _lines(three)
    entry = read_journal(three)[1].model_copy(update={"facts": {"run_id": "x"}})
    forged = json.dumps({**entry.model_dump(mode="json"), "digest": entry.content_digest()}).encode() + b"\n"
    journal_file(three).write_bytes(lines[0] + forged + lines[2])
    with pytest.raises(ContractError, match="line 3 does not follow"):
        read_journal(three)


@pytest.mark.parametrize("line", [b"", b"{}", b"\xff\xfe", b"[1, 2]", b'{"number": 1}'])
def test_a_line_that_is_no_entry_is_named(three: Home, line: bytes) -> None:
    with journal_file(three).open("ab") as lines:
        lines.write(line + b"\n")
    with pytest.raises(ContractError, match="line 4 is no entry"):
        record_event(three, Event.RUN_STARTED, {})


def test_a_line_that_a_kill_tore_gives_way_to_the_next(three: Home) -> None:
    whole = journal_file(three).read_bytes()
    journal_file(three).write_bytes(whole + _lines(three)[0][:40])
    assert len(read_journal(three)) == 3
    assert record_event(three, Event.RUN_ENDED, {"run_id": "d"}).number == 4
    assert journal_file(three).read_bytes().startswith(whole)
    assert len(read_journal(three)) == 4
