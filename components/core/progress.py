"""Progress of long work: a file that the run's display reads, or lines on the terminal of a stage that runs alone."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import Field

from components.core.contracts.records import Record
from components.core.publishing import write_file
from components.core.runs import current_run_dir, progress_file

T = TypeVar("T")


class Reading(Record):
    """How far a piece of work has come: `done` of `total` units since `started_s` (Unix seconds)."""

    label: str
    done: int = Field(ge=0)
    total: int = Field(ge=0)
    unit: str
    started_s: float
    updated_s: float
    first: int = Field(ge=0, default=0)
    """How many were there before this process began: they do not count for the rate."""
    note: str = ""
    """What else there is to say of the last unit."""

    @property
    def rate(self) -> float:
        """Units a second of this process."""
        return (self.done - self.first) / max(self.updated_s - self.started_s, 1e-9)

    @property
    def eta_s(self) -> float | None:
        """Seconds that are left at the rate so far; `None` before the first unit."""
        return (self.total - self.done) / self.rate if self.done > self.first else None

    def __str__(self) -> str:
        eta = "" if self.eta_s is None else f", {self.eta_s:.0f} s left"
        note = f"; {self.note}" if self.note else ""
        return f"{self.label}: {self.done}/{self.total} {self.unit}, {self.rate:.1f}/s{eta}{note}"


class Progress:
    """Shows how far a stage has come, at most a few times a second."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._terminal = sys.stderr.isatty()
        self._every_s = 0.3 if file or self._terminal else 10.0
        self._shown_s = 0.0

    def track(
        self,
        items: Iterable[T],
        *,
        label: str,
        unit: str,
        total: int,
        first: int = 0,
        size: Callable[[T], int] = lambda _: 1,
        note: Callable[[], str] = str,
    ) -> Iterator[T]:
        """Pass items through and count them, each for its `size`; `first` of `total` were done before.

        `note` is asked what to say beside the count.
        """
        now_s = time.time()
        reading = Reading(
            label=label, done=first, total=max(total, first), unit=unit, started_s=now_s, updated_s=now_s, first=first
        )
        self._show(reading)
        done = first
        for item in items:
            yield item
            done += size(item)
            now_s = time.time()
            if now_s - self._shown_s >= self._every_s or done == total:
                changed = {"done": done, "total": max(total, done), "updated_s": now_s, "note": note()}
                self._show(reading.model_copy(update=changed))

    def _show(self, reading: Reading) -> None:
        self._shown_s = reading.updated_s
        if self._file:
            write_file(self._file, reading.model_dump_json())
            return
        end = "\n" if not self._terminal or reading.done >= reading.total else ""
        print(f"\r\x1b[K{reading}" if self._terminal else str(reading), end=end, file=sys.stderr, flush=True)


def report_pace(stage: str, audio_s: float, took_s: float) -> None:
    """Say how much audio a stage went through, and how fast."""
    hours, pace = audio_s / 3600, audio_s / max(took_s, 1e-9)
    print(f"{stage}: {hours:.2f} h of audio in {took_s:.0f} s: {pace:.0f} audio-hours an hour", file=sys.stderr)


def progress_of(stage: str, part: int | None = None) -> Progress:
    """Return the progress of a stage: into the run's folder where a run started it, on the terminal elsewhere.

    Parts of a stage share one file in that folder, where each would be written over by the next: theirs is their log.
    """
    run_dir = current_run_dir()
    return Progress(progress_file(run_dir, stage) if run_dir and part is None else None)
