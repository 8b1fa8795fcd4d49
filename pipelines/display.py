"""Live progress of a run: a table on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from components.core.runs import Increment, StageRecord, State
from pipelines.progress import StageView

_LINE_EVERY_S = 10.0
_MARKS = {State.RUNNING: "▶", State.SUCCEEDED: "✓", State.FAILED: "✗", State.REFUSED: "✗"}
_STYLES = {State.RUNNING: "cyan", State.SUCCEEDED: "green", State.FAILED: "red", State.REFUSED: "yellow"}


class Display(Protocol):
    """Shows a run while it goes on."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leave the last state on the screen."""

    def show(self, stages: Sequence[StageView]) -> None:
        """Show how the stages stand now."""


def display_for(title: str) -> Display:
    """Return the table where standard error is a terminal, the lines elsewhere."""
    return TableDisplay(title) if sys.stderr.isatty() else LineDisplay(title)


def say(line: str) -> None:
    """Tell the reader something that is not a result."""
    print(line, file=sys.stderr, flush=True)


class LineDisplay:
    """One line when a stage begins and ends, and one every ten seconds in between."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._shown: dict[str, State] = {}
        self._spoke_s = 0.0

    def __enter__(self) -> Self:
        say(self._title)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Lines stay where they are."""

    def show(self, stages: Sequence[StageView]) -> None:
        """Print what is new."""
        for stage in stages:
            record = stage.record
            if record is None:
                continue
            if self._shown.get(stage.name) is not record.state:
                self._shown[stage.name] = record.state
                self._speak(f"{stage.name}: {_ending(record)}")
            elif record.state is State.RUNNING and stage.reading and time.time() - self._spoke_s > _LINE_EVERY_S:
                self._speak(f"{stage.name} ({clock(time.time() - record.started_s)}): {_reading(stage)}")

    def _speak(self, line: str) -> None:
        self._spoke_s = time.time()
        say(line)


class TableDisplay:
    """A table that is drawn anew while the run goes on."""

    def __init__(self, title: str) -> None:
        self._title, self._started_s = title, time.time()
        self._live = Live(console=Console(stderr=True), refresh_per_second=4)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leave the table as it is."""
        self._live.__exit__(kind, error, at)

    def show(self, stages: Sequence[StageView]) -> None:
        """Draw the table."""
        table = Table(title=f"{self._title}, {clock(time.time() - self._started_s)}", title_justify="left", box=None)
        for name in ("", "stage", "time", "progress"):
            table.add_column(name, justify="right" if name == "time" else "left", no_wrap=name != "progress")
        for stage in stages:
            table.add_row(*_row(stage))
        self._live.update(table)


def _row(stage: StageView) -> tuple[Text, Text, str, str]:
    record = stage.record
    if record is None:
        return Text("·", "dim"), Text(stage.name, "dim"), "", ""
    mark, style = _MARKS[record.state], _STYLES[record.state]
    running = record.state is State.RUNNING
    seconds = time.time() - record.started_s if running else record.seconds
    said = _reading(stage) if running else _ending(record)
    return Text(mark, style), Text(stage.name), clock(seconds), said


def _reading(stage: StageView) -> str:
    return str(stage.reading or "starting").removeprefix(f"{stage.name}: ")


def _ending(record: StageRecord) -> str:
    """Say in one line how a stage stands."""
    match record.state:
        case State.RUNNING:
            return "started"
        case State.SUCCEEDED | State.REFUSED:
            done = "reused" if record.reused else f"done in {clock(record.seconds)}"
            why = f"; refused: {record.error}" if record.state is State.REFUSED else ""
            return f"{done}, {rows(record.rows_in, record.rows_out, record.refused, record.increment)}{why}"
        case State.FAILED:
            return f"failed after {clock(record.seconds)}: {record.error}"


def rows(rows_in: int, rows_out: int, refused: dict[str, int], increment: Increment | None) -> str:
    """Write the rows of a stage, such as `766 rows in, 626 out, 140 refused (cut_off 120, empty 20)`.

    Where the stage says what it found done and what it did, that follows: `; 818 of 828 answers found, 10 made`.
    """
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(refused.items(), key=lambda kv: -kv[1]))
    left = f", {sum(refused.values())} refused ({reasons})" if refused else ""
    return f"{rows_in} rows in, {rows_out} out{left}" + (f"; {increment}" if increment else "")


def clock(seconds: float) -> str:
    """Write a duration, such as `7.4 s` or `12:03 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} h" if hours else f"{minutes}:{rest:02d} min"
