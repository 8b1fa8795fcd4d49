"""A benchmark as data: how its files are read, how a response is marked, what the marks come to, what goes out."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from components.core.contracts.errors import ConfigurationError, SourceError
from components.evaluate_model.benchmarks.intervals import Composite, Relative, Statistic, no_composite
from components.evaluate_model.benchmarks.judging import Question
from components.evaluate_model.benchmarks.records import Item, Mark, Outcome
from components.evaluate_model.benchmarks.rows import Row, read_rows

Marker = Callable[[Item, str, Sequence[str]], Mark]
"""Marks a response to an item, given the judge's replies to the item's question (none where it has none)."""
Settle = Callable[[Mapping[str, Item], Sequence[Mark], int], Sequence[Mark]]
"""Settles what no mark can say by itself, with all items and marks at hand, and the seed of what is drawn by chance."""
Clean = Callable[[str], str]


def as_it_is(response: str) -> str:
    """Return a response as the model gave it."""
    return response


def no_question(_item: Item, _response: str) -> Question | None:
    """Need no judge."""
    return None


def as_marked(_items: Mapping[str, Item], marks: Sequence[Mark], _seed: int) -> Sequence[Mark]:
    """Return marks as they are."""
    return marks


@dataclass(frozen=True)
class Entry:
    """An item with the row that it was read from, which the official prediction file repeats."""

    row: Row
    item: Item


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One benchmark, of one version.

    `files` finds the item files in a folder. `rows_of` reads an official file of items or predictions as rows; those of
    `endings` are taken from a folder of predictions. `items_of` reads the items of a row, and `response_of` the
    response, which only a row of one item has. An official prediction file is the items with a response in each, so
    that it can be scored alone. `rules` names the version of marking. `post` are the ways to clean a response before it
    is marked, the default first. Results by different rules or post-processing are not compared. In a metric of
    `errors` more is worse. `relative` is for benchmarks that relate a system to its reference. `export` writes the
    official prediction file, as a text for each file name.
    """

    name: str
    version: str
    rules: str
    about: str
    files: Callable[[Path], Sequence[Path]]
    rows_of: Callable[[Path], Iterator[Row]] = read_rows
    endings: Sequence[str] = (".json", ".jsonl", ".ndjson")
    items_of: Callable[[Row], Sequence[Item]]
    response_of: Callable[[Row], str | None]
    mark: Marker
    question_of: Callable[[Item, str], Question | None] = no_question
    settle: Settle = as_marked
    post: Mapping[str, Clean] = field(default_factory=lambda: {"as-it-is": as_it_is})
    errors: frozenset[str] = frozenset()
    composite: Composite = no_composite
    statistics: Mapping[str, Statistic] = field(default_factory=dict)
    relative: Relative | None = None
    export: Callable[[Sequence["Entry"], Mapping[str, str]], Mapping[str, str]]
    worst: Mapping[str, float] = field(default_factory=dict)
    """What an item without a prediction is worth, by metric, where that is not 0."""

    def post_named(self, name: str | None) -> str:
        """Return the name of a way to clean responses; without one the default.

        Raises:
            ConfigurationError: the benchmark has none of that name.
        """
        if name is not None and name not in self.post:
            raise ConfigurationError(f"--post {name}: {self.name} knows {', '.join(self.post)}")
        return name or next(iter(self.post))


def unique(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Return items by their id.

    Raises:
        SourceError: two rows have one id.
    """
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.item.item_id in found:
            raise SourceError(f"{entry.row.where}: item {entry.item.item_id!r} is there twice")
        found[entry.item.item_id] = entry
    return found


def rows_with(field_name: str, entries: Sequence[Entry], responses: Mapping[str, str]) -> list[dict[str, object]]:
    """Return the rows of the items that have a response, each with its response in a field of that name."""
    answered = [entry for entry in entries if entry.item.item_id in responses]
    return [{**entry.row.values, field_name: responses[entry.item.item_id]} for entry in answered]


def mark_of(
    item: Item,
    value: float | None,
    marked: str,
    *,
    outcome: Outcome = Outcome.MARKED,
    weight: float = 1.0,
    groups: Sequence[str] | None = None,
    detail: str = "",
) -> Mark:
    """Return a mark of an item; without `groups` it counts in its subset alone."""
    return Mark(
        item_id=item.item_id,
        metric=item.metric,
        cluster=item.audio[0] if item.audio else item.item_id,
        groups=tuple(groups) if groups is not None else (item.subset,),
        outcome=outcome,
        value=value,
        weight=weight,
        marked=marked,
        detail=detail,
    )
