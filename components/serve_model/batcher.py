"""Requests that come at about the same time are answered together, by one thread that owns the model."""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from components.core.contracts.errors import DestaError
from components.core.inference.answers import Piece
from components.core.inference.desta_model import DestaModel, Prompt
from components.serve_model.metrics import Metrics
from components.serve_model.questions import Question
from components.serve_model.refusals import Refused
from components.serve_model.settings import ServeModelSettings

logger = logging.getLogger(__name__)

Event = Piece | DestaError | Refused


@dataclass(eq=False)
class Ticket:
    """A question that waits or is answered; its events arrive on the loop of whoever asked."""

    question: Question
    loop: asyncio.AbstractEventLoop
    events: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)
    gone: bool = False
    """Whether nobody waits for the answer any more."""

    def tell(self, event: Event) -> None:
        """Hand an event over to the loop, from any thread."""
        with suppress(RuntimeError):  # the loop is closed: the server is on its way out
            self.loop.call_soon_threadsafe(self.events.put_nowait, event)


class Batcher:
    """The queue before the model."""

    def __init__(self, model: DestaModel, settings: ServeModelSettings, metrics: Metrics) -> None:
        self._model, self._settings, self._metrics = model, settings, metrics
        self._waiting: queue.Queue[Ticket] = queue.Queue()
        metrics.waiting.set_function(self._in_line)
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether questions are still answered."""
        return self._thread.is_alive()

    def submit(self, question: Question) -> Ticket:
        """Put a question into the queue; called on an event loop.

        Raises:
            Refused: the queue is full.
        """
        if self._in_line() >= self._settings.queue:
            line = f"{self._settings.queue} requests are waiting already; try again"
            raise Refused(429, line, "queue_full", headers={"Retry-After": "1"})
        ticket = Ticket(question, asyncio.get_running_loop())
        self._waiting.put_nowait(ticket)
        return ticket

    def _in_line(self) -> int:
        """Return how many wait; who has left makes room at once."""
        with self._waiting.mutex:
            return sum(not ticket.gone for ticket in self._waiting.queue)

    def _run(self) -> None:
        while True:
            tickets = self._gather()
            try:
                self._answer(tickets)
            except Exception:
                # The next batch may well be fine (this one may have been too large for the memory).
                logger.exception("a batch failed")
                for ticket in tickets:
                    ticket.tell(_failed())

    def _gather(self) -> list[Ticket]:
        """Return the next tickets: those that wait already, and those that come soon after the first."""
        tickets = [self._waiting.get()]
        until_s = time.monotonic() + self._settings.wait_ms / 1000
        with suppress(queue.Empty):
            while len(tickets) < self._settings.batch:
                tickets.append(self._waiting.get(timeout=max(0.0, until_s - time.monotonic())))
        return tickets

    def _answer(self, tickets: Sequence[Ticket]) -> None:
        ready = [(ticket, prompt) for ticket in tickets if (prompt := self._prepared(ticket))]
        if not ready:
            return
        self._metrics.batches.observe(len(ready))
        asked, prompts = zip(*ready, strict=True)
        decodings = [ticket.question.decoding for ticket in asked]
        for piece in self._model.write(prompts, decodings, lambda row: not asked[row].gone):
            asked[piece.row].tell(piece)

    def _prepared(self, ticket: Ticket) -> Prompt | None:
        """Return what the model is to read; whoever cannot have an answer is told, and nobody else."""
        if ticket.gone:
            return None
        question = ticket.question
        try:
            return self._model.prepare(question.messages, question.decoding.max_tokens, self._settings.max_audio_s)
        except DestaError as error:
            ticket.tell(error)
        except Exception:
            logger.exception("a request could not be prepared")
            ticket.tell(_failed())
        return None


def _failed() -> Refused:
    return Refused(500, "the model failed; the server's log says how", "internal_error")
