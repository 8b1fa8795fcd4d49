"""Telling a run's events while it goes on: each one once, to a file in its folder and to a server where one is named.

Nothing that goes wrong here is the run's concern: it is one line at the end, and `desta openlineage` tells all again.
"""

import json
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from openlineage.client.event_v2 import RunEvent
from openlineage.client.serde import Serde

from components.core.contracts.errors import DestaError
from components.core.runs import State, read_run
from pipelines.display import say
from pipelines.openlineage.events import events_of
from pipelines.openlineage.server import Server, server_at

_EVERY_S = 1.0
_PATIENCE_S = 5.0


def events_file(run_dir: Path) -> Path:
    """Return where the events of a run are kept, a line of JSON for each."""
    return run_dir / "openlineage.jsonl"


class Teller:
    """Follows a run's folder; on leaving it tells the rest, and waits for the server no longer than `patience_s`."""

    def __init__(self, run_dir: Path, server: Server | None, patience_s: float = _PATIENCE_S) -> None:
        self._run_dir = run_dir
        self._told = _told(events_file(run_dir))
        self._messenger = Messenger(server.send, patience_s) if server else None
        self._ended = threading.Event()
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Tell how the run ended, and say what could not be told."""
        self._ended.set()
        self._thread.join()
        self._tell(whole=True)
        unsent = self._messenger.close() if self._messenger else None
        for line in filter(None, (self._failure, unsent)):
            again = f"`desta openlineage {self._run_dir.name}` tells all events again"
            say(f"OpenLineage: {line}; the run is not concerned, {again}")

    def _follow(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self._tell(whole=False)

    def _tell(self, *, whole: bool) -> None:
        """Tell what is new; how the run ended may still change while it is followed, and is told with the `whole`."""
        try:
            if not whole and read_run(self._run_dir).state is not State.RUNNING:
                return
            new = [event for event in events_of(self._run_dir) if _id(event) not in self._told]
            _append(events_file(self._run_dir), new)
        except (DestaError, OSError) as error:
            self._failure = str(error)
            return
        self._failure = None
        for event in new:
            self._told.add(_id(event))
            if self._messenger:
                self._messenger.send(event)


class Messenger:
    """Sends events in their order from a thread of its own; after one that does not arrive it sends no more."""

    def __init__(self, send: Callable[[RunEvent], None], patience_s: float) -> None:
        self._send, self._patience_s = send, patience_s
        self._events: queue.SimpleQueue[RunEvent | None] = queue.SimpleQueue()
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def send(self, event: RunEvent) -> None:
        """Send an event, some time."""
        self._events.put(event)

    def close(self) -> str | None:
        """Wait for what is still to be sent, and return why it did not all arrive."""
        self._events.put(None)
        self._thread.join(self._patience_s)
        if self._thread.is_alive():
            return f"the server takes longer than {self._patience_s:g} s"
        return self._failure

    def _work(self) -> None:
        try:
            while event := self._events.get():
                self._send(event)
        except DestaError as error:
            self._failure = str(error)


def tell_again(run_dir: Path, url: str | None) -> str:
    """Return the events of a run as lines of JSON; with an address, send them there and say how many.

    Raises:
        ConfigurationError: it is no address of a server.
        SourceError: the server cannot be reached, or does not take an event.
        ContractError: a record of the run is damaged.
    """
    server, events = server_at(url) if url else None, events_of(run_dir)
    if server is None:
        return "\n".join(map(Serde.to_json, events))
    for event in events:
        server.send(event)
    return f"{len(events)} events of run {run_dir.name} sent to {url}"


def _id(event: RunEvent) -> tuple[str, str]:
    return event.run.runId, event.eventType.value if event.eventType else ""


def _told(file: Path) -> set[tuple[str, str]]:
    """Return what an earlier process told; a line that a kill tore was not told."""
    if not file.is_file():
        return set()
    lines = file.read_bytes().split(b"\n")[:-1]
    return {(event["run"]["runId"], event["eventType"]) for event in map(json.loads, lines)}


def _append(file: Path, events: list[RunEvent]) -> None:
    """Add lines, over the beginning of one that a kill tore."""
    if not events:
        return
    with file.open("ab") as lines:
        if lines.tell():
            lines.truncate(file.read_bytes().rfind(b"\n") + 1)
        lines.write("".join(Serde.to_json(event) + "\n" for event in events).encode())
