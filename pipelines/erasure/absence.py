"""Whether something that was erased is anywhere: every file of the home, of `data/` and of DVC looked into."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from components.core.contracts.records import Record
from components.core.home import Home
from pipelines.erasure.objects import objects_of
from pipelines.erasure.places import Item, items_of_data, items_of_home
from pipelines.erasure.searching import Searcher
from pipelines.erasure.subject import Traces


class Scanned(Record):
    """How much was looked at."""

    files: int
    bytes: int
    rows: int

    def __str__(self) -> str:
        return f"{self.files} files, {self.bytes} bytes, {self.rows} rows of Parquet"


@dataclass(frozen=True)
class Left:
    """A place where something of it still is."""

    item: Item
    holds: str

    @property
    def where(self) -> str:
        """The place for people."""
        return str(self.item.path or f"{self.item.place}: {self.item.name}")


class Scan:
    """A look into everything; how much it was is known when it has ended."""

    def __init__(self, traces: Traces, home: Home, root: Path) -> None:
        self._searcher, self._home, self._root = Searcher(traces), home, root

    @property
    def scanned(self) -> Scanned:
        """How much was looked at so far."""
        return Scanned(files=self._searcher.files, bytes=self._searcher.bytes, rows=self._searcher.rows)

    def left(self) -> Iterator[Left]:
        """Yield every place where something of it is left.

        Raises:
            SourceError: DVC cannot be looked into.
        """
        with objects_of(self._root) as objects:
            kept = objects.items() if objects else iter(())
            for item in chain(items_of_home(self._home), items_of_data(self._root), kept):
                with item.open() as data:
                    holds = self._searcher.find(item.name, data, evidence=item.evidence)
                if holds:
                    yield Left(item, holds)
