"""Patience with a server, and what is read from it, over real connections."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from email.utils import formatdate

import pytest

from components.core.callers import Caller
from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.server import Patience, Trouble, connected, wait_after
from tests import desk as desks
from tests.desk import Desk

CALLER = Caller(name="asker", setting="--server", key_variable="ASKERS_KEY")


def failing(times: int) -> Callable[[], Awaitable[str]]:
    """A question that fails so many times, whoever asks it."""
    left = times

    async def ask() -> str:
        nonlocal left
        await asyncio.sleep(0)
        if left:
            left -= 1
            raise Trouble("gone")
        return "answer"

    return ask


def test_failures_that_pass_are_not_seen() -> None:
    async def ask() -> str:
        return await Patience(3, "asker", first_wait_s=0.001).call(failing(3))

    assert asyncio.run(ask()) == "answer"


def test_one_failure_more_than_is_tried_again_ends_it_in_one_line() -> None:
    async def ask() -> str:
        return await Patience(3, "asker", first_wait_s=0.001).call(failing(4))

    with pytest.raises(SourceError, match=r"^4 failures in a row, the last: gone$"):
        asyncio.run(ask())


def test_questions_that_fail_together_are_one_failure_and_then_try_one_at_a_time() -> None:
    trying = most = asked = 0

    async def down() -> str:
        nonlocal trying, most, asked
        asked, trying = asked + 1, trying + 1
        most = max(most, trying) if asked > 20 else 0
        await asyncio.sleep(0.005)
        trying -= 1
        raise Trouble("gone")

    async def ask() -> None:
        patience = Patience(3, "asker", first_wait_s=0.001)
        await asyncio.gather(*(patience.call(down) for _ in range(20)))

    with pytest.raises(SourceError, match=r"^4 failures in a row"):
        asyncio.run(ask())
    assert (asked, most) == (23, 1)


def test_question_that_always_fails_ends_it_though_others_are_answered() -> None:
    async def ask() -> None:
        patience = Patience(3, "asker", first_wait_s=0.001)
        await asyncio.gather(patience.call(failing(10)), *(patience.call(failing(0)) for _ in range(50)))

    with pytest.raises(SourceError, match=r"^4 failures in a row"):
        asyncio.run(ask())


@pytest.mark.parametrize(("failures", "wait_s"), [(1, 0.5), (3, 2.0), (7, 30.0), (100_000, 30.0)])
def test_waits_double_up_to_half_a_minute_however_long_a_server_is_gone(failures: int, wait_s: float) -> None:
    assert wait_after(failures) == pytest.approx(wait_s, rel=0.25)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with desks.opened("/ask", dict) as desk:
        yield desk


def ask_once(desk: Desk, retries: int) -> bytes:
    """Ask one question."""

    async def ask() -> bytes:
        async with connected(desk.address, CALLER, timeout_s=5, retries=retries) as server:
            return await server.ask("/ask", bytes, {"seed": 1})

    return asyncio.run(ask())


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_wait_that_a_server_asks_for_is_kept(desk: Desk, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    after = "3600" if form == "seconds" else formatdate(time.time() + 3600, usegmt=True)
    waits: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    desk.troubles.append(lambda handler: handler.tell(503, {}, Retry_After=after))

    assert ask_once(desk, retries=1)

    assert max(waits) == pytest.approx(3600, abs=10)


def test_server_that_is_not_there_is_one_line_with_its_address() -> None:
    with desks.opened("/ask", dict) as desk:
        address = desk.address
    with pytest.raises(SourceError, match=f"^{address}/ask: 1 failures in a row, the last: .*") as refused:
        ask_once(desk, retries=0)
    assert "\n" not in str(refused.value)


def test_key_of_the_caller_is_sent_and_named_where_it_is_missing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKERS_KEY", "open-sesame")
    desk.troubles.append(desks.unknown)
    with pytest.raises(SourceError, match=r"environment variable ASKERS_KEY$"):
        ask_once(desk, retries=0)
    assert desk.keys == {"Bearer open-sesame"}


def test_trouble_is_told_in_the_name_of_the_caller(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.troubles.append(desks.busy)
    assert ask_once(desk, retries=1)
    assert capsys.readouterr().err.startswith("asker: the server has trouble, trying again: 503 ")


@pytest.mark.parametrize("text", ["models:8000", "ftp://models", "http://", "http://models:99999", "http://models:0"])
def test_what_no_server_can_stand_behind_is_no_address(text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^--server: want an address .*, got '{text}'$"):
        CALLER.address(text)
