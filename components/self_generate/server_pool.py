"""Servers that have the same model: a question goes to one that is free, and on to another where that one has trouble.

A server that had trouble is left alone for a while that doubles with every failure, then tried with one question: its
first answer brings it back among the others.
"""

import asyncio
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from components.core.server import Trouble, wait_after
from components.self_generate.server_identity import Served
from components.self_generate.settings import CALLER

Q = TypeVar("Q")


@dataclass(eq=False)
class Standing:
    """How a server stands: who it is (once that was asked), what it has to answer, and what trouble it had in a row."""

    address: str
    served: Served | None = None
    asked: int = 0
    failures: int = 0
    not_before_s: float = 0.0
    on_trial: bool = False
    told: bool = False

    def takes(self, at_a_time: int) -> bool:
        """Say whether it can be asked now."""
        if self.failures:
            return not self.on_trial and time.monotonic() >= self.not_before_s
        return self.asked < at_a_time

    def set_aside(self, trouble: Trouble, failures_before: int) -> None:
        """Leave it alone for a while; questions that were on their way together and fail together are one failure."""
        if self.failures == failures_before:
            self.failures += 1
        wait_s = max(wait_after(self.failures), trouble.wait_s)
        self.not_before_s = max(self.not_before_s, time.monotonic() + wait_s)
        if not self.told:
            print(f"{CALLER.name}: a server has trouble, trying again: {trouble}", file=sys.stderr, flush=True)
        self.told = True


@dataclass(eq=False)
class _Errand(Generic[Q]):
    """A question that has no answer yet, how often that failed, where it did last, and when it is asked again."""

    question: Q
    failed: int = 0
    failed_at: Standing | None = None
    not_before_s: float = 0.0


@dataclass(frozen=True, eq=False)
class _Sent(Generic[Q]):
    """A question on its way."""

    errand: _Errand[Q]
    to: Standing
    failures_before: int


@dataclass(kw_only=True)
class Pool(Generic[Q]):
    """Puts questions to servers; `ask` puts one to one of them, and takes care of the answer."""

    servers: Sequence[Standing]
    ask: Callable[[Standing, Q], Awaitable[None]]
    at_a_time: int
    retries: int
    _waiting: deque[_Errand[Q]] = field(default_factory=deque, init=False)
    _on_their_way: dict[asyncio.Future[None], _Sent[Q]] = field(default_factory=dict, init=False)

    async def spread(self, questions: Iterable[Q]) -> None:
        """Ask each question, of the server with the fewest on their way, until `ask` has succeeded once with it.

        Raises:
            Trouble: every server failed more than `retries` times in a row, or one question as often as they together.
            SourceError: what `ask` raises that is no `Trouble`; what is on its way then is given up.
        """
        self._waiting.extend(_Errand(question) for question in questions)
        try:
            while self._waiting or self._on_their_way:
                self._send()
                for ended in await self._next_ended():
                    self._settle(ended)
        finally:
            given_up = list(self._on_their_way)
            for future in given_up:
                self._returned(future)
                future.cancel()
            await asyncio.gather(*given_up, return_exceptions=True)

    def _send(self) -> None:
        while free := [server for server in self.servers if server.takes(self.at_a_time)]:
            now_s = time.monotonic()
            errand = next((errand for errand in self._waiting if errand.not_before_s <= now_s), None)
            if errand is None:
                return
            self._waiting.remove(errand)
            # Where it failed it is asked last; who is on trial has nothing on its way and is asked first.
            server = min(free, key=lambda server: (server is errand.failed_at, server.asked))
            server.asked += 1
            server.on_trial = bool(server.failures)
            future = asyncio.ensure_future(self.ask(server, errand.question))
            self._on_their_way[future] = _Sent(errand, server, server.failures)

    async def _next_ended(self) -> Iterable[asyncio.Future[None]]:
        """Wait until an answer comes, or something can be asked that could not before."""
        now_s = time.monotonic()
        moments = [moment_s for moment_s in self._moments() if moment_s > now_s] if self._waiting else []
        wait_s = min(moments) - now_s if moments else None
        if not self._on_their_way:
            await asyncio.sleep(wait_s or 0.0)
            return ()
        ended, _ = await asyncio.wait(self._on_their_way, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        return ended

    def _moments(self) -> Iterator[float]:
        yield from (server.not_before_s for server in self.servers if server.failures and not server.on_trial)
        yield from (errand.not_before_s for errand in self._waiting)

    def _returned(self, future: asyncio.Future[None]) -> _Sent[Q]:
        sent = self._on_their_way.pop(future)
        sent.to.asked -= 1
        if sent.failures_before:
            sent.to.on_trial = False
        return sent

    def _settle(self, ended: asyncio.Future[None]) -> None:
        sent = self._returned(ended)
        try:
            ended.result()
        except Trouble as trouble:
            sent.to.set_aside(trouble, sent.failures_before)
            self._take_back(sent, trouble)
        else:
            sent.to.failures = 0

    def _take_back(self, sent: _Sent[Q], trouble: Trouble) -> None:
        errand = sent.errand
        errand.failed, errand.failed_at = errand.failed + 1, sent.to
        if errand.failed > self.retries * len(self.servers) or all(s.failures > self.retries for s in self.servers):
            in_a_row = max(errand.failed, min(server.failures for server in self.servers))
            raise Trouble(f"{in_a_row} failures in a row, the last: {trouble}", trouble.wait_s) from trouble
        rounds, rest = divmod(errand.failed, len(self.servers))
        if not rest:  # it was with each of them: before the next round it waits
            errand.not_before_s = time.monotonic() + wait_after(rounds)
        self._waiting.appendleft(errand)
