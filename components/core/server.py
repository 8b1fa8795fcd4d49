"""A server that is asked over HTTP, and patience with it: it may be slow, overloaded, restarted or gone."""

import asyncio
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import aiohttp

from components.core.callers import Caller
from components.core.contracts.errors import SourceError

T = TypeVar("T")

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0
_MOVED, _UNKNOWN, _OVERLOADED, _BROKEN = 300, (401, 403), 429, 500


class Trouble(SourceError):
    """A failure that may pass: no connection, no answer in time, 429, 5xx, an answer that cannot be read."""

    def __init__(self, line: str, wait_s: float = 0.0) -> None:
        super().__init__(line)
        self.wait_s = wait_s


@dataclass(frozen=True)
class Server:
    """An open connection to a server, used with patience."""

    address: str
    caller: Caller
    session: aiohttp.ClientSession
    patience: "Patience"

    async def ask(self, path: str, read: Callable[[bytes], T], question: Any = None) -> T:
        """Post a question, or get what is at the path; `read` raises `ValueError` for what is no answer.

        Raises:
            Trouble: it failed too often in a row.
            SourceError: the server refuses the question.
        """
        with self._named(path):
            return await self.patience.call(lambda: self._asked(path, read, question))

    async def ask_once(self, path: str, read: Callable[[bytes], T], question: Any = None) -> T:
        """Ask as `ask` does, but leave it to the caller whether and when to try again; raises what `ask` raises."""
        with self._named(path):
            return await self._asked(path, read, question)

    @contextmanager
    def _named(self, path: str) -> Iterator[None]:
        try:
            yield
        except Trouble as trouble:
            raise Trouble(f"{self.address}{path}: {trouble}", trouble.wait_s) from trouble
        except SourceError as error:
            raise SourceError(f"{self.address}{path}: {error}") from error

    async def _asked(self, path: str, read: Callable[[bytes], T], question: Any) -> T:
        method = "GET" if question is None else "POST"
        try:
            async with self.session.request(
                method, self.address + path, json=question, allow_redirects=False
            ) as response:
                body = await response.read()
        except TimeoutError as error:
            raise Trouble(f"no answer within {self.session.timeout.total} s") from error
        except aiohttp.ClientError as error:
            raise Trouble(str(error) or type(error).__name__) from error
        if response.status >= _MOVED:
            raise _refusal(response, body, self.caller.key_variable)
        try:
            return read(body)
        except ValueError as error:
            raise Trouble(f"no answer that can be read: {_line(body)}") from error


def _refusal(response: aiohttp.ClientResponse, body: bytes, key_variable: str) -> SourceError:
    line = f"{response.status} {response.reason}: {_line(body)}"
    if response.status == _OVERLOADED or response.status >= _BROKEN:
        return Trouble(line, _seconds(response.headers.get("Retry-After", "")))
    if response.status in _UNKNOWN:
        line += f"; the key that it wants belongs in the environment variable {key_variable}"
    return SourceError(line)


def _line(body: bytes) -> str:
    return " ".join(body.decode(errors="replace").split())[:200]


def _seconds(retry_after: str) -> float:
    """Read the header in both its forms, seconds and a date; what is neither asks for no wait."""
    if retry_after.isdigit():
        return float(retry_after)
    try:
        return parsedate_to_datetime(retry_after).timestamp() - time.time()
    except ValueError:
        return 0.0


@asynccontextmanager
async def connected(address: str, caller: Caller, timeout_s: float, retries: int) -> AsyncIterator[Server]:
    """Open connections to a server; the key that it wants, if any, is in the caller's environment variable."""
    key = os.environ.get(caller.key_variable)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    # How many questions are on their way at a time is for the caller to say; proxies of the environment are not used.
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=timeout_s)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as session:
        yield Server(address, caller, session, Patience(retries, caller.name))


def wait_after(failures: int, first_wait_s: float = _FIRST_WAIT_S) -> float:
    """Return for how many seconds to wait after so many failures in a row: it doubles, jittered."""
    # A server may be gone for days while others answer: no number is too large here.
    wait_s = min(first_wait_s * 2.0 ** min(failures - 1, 64), _LONGEST_WAIT_S)
    return wait_s * random.uniform(0.75, 1.25)  # noqa: S311 (nothing secret)


class Patience:
    """Tries again while a server has trouble, and gives up after so many failures in a row.

    While all is well, questions go out side by side. After a failure (the circuit is open) one at a time tries, each
    after a wait that doubles and is never shorter than what the server asks for; the first success closes the circuit.
    So a server that comes back is not run over, and it does not count how many questions were on their way.
    """

    def __init__(self, retries: int, caller: str, first_wait_s: float = _FIRST_WAIT_S) -> None:
        self._retries, self._caller, self._first_wait_s = retries, caller, first_wait_s
        self._failures, self._not_before_s, self._told = 0, 0.0, False
        self._turn = asyncio.Lock()

    async def call(self, question: Callable[[], Awaitable[T]]) -> T:
        """Return the answer to a question; a failure of the same question counts like one of the server.

        Raises:
            Trouble: it failed, and `retries` failures in a row came before.
            SourceError: it was refused.
        """
        failed = 0
        while True:
            try:
                return await self._next_attempt(question, failed)
            except Trouble as trouble:
                failed += 1
                in_a_row = max(failed, self._failures)
                if in_a_row > self._retries:
                    raise Trouble(f"{in_a_row} failures in a row, the last: {trouble}", trouble.wait_s) from trouble
                self._tell(trouble)

    async def _next_attempt(self, question: Callable[[], Awaitable[T]], failed: int) -> T:
        async with self._turn:
            if self._failures:
                await self._wait(max(failed, self._failures))
                return await self._attempt(question)
        if failed:
            await self._wait(failed)
        return await self._attempt(question)

    async def _attempt(self, question: Callable[[], Awaitable[T]]) -> T:
        before = self._failures
        try:
            answer = await question()
        except Trouble as trouble:
            # Questions that were on their way together and failed together are one failure.
            if self._failures == before:
                self._failures += 1
            self._not_before_s = max(self._not_before_s, time.monotonic() + trouble.wait_s)
            raise
        self._failures = 0
        return answer

    async def _wait(self, failures: int) -> None:
        wait_s = wait_after(failures, self._first_wait_s)
        await asyncio.sleep(max(wait_s, self._not_before_s - time.monotonic()))

    def _tell(self, trouble: Trouble) -> None:
        if not self._told:
            print(f"{self._caller}: the server has trouble, trying again: {trouble}", file=sys.stderr, flush=True)
        self._told = True
