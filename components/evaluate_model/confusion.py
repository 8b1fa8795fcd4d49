"""Which answer was chosen where which one was right, for each kind of question."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.evaluate_model.benchmarks.benchmark import Entry
from components.evaluate_model.benchmarks.mmau import is_right
from components.evaluate_model.benchmarks.records import Item
from components.evaluate_model.benchmarks.scoring import Result

MOST_ANSWERS = 12


@dataclass(frozen=True, kw_only=True)
class Cell:
    """How often an answer was chosen, and how often it was among the choices."""

    answer: str
    chosen: int
    offered: int


@dataclass(frozen=True, kw_only=True)
class Line:
    """The questions with one right answer; `another` answer is one without a column, `none` is no choice at all."""

    answer: str
    questions: int
    cells: tuple[Cell, ...]
    another: int
    none: int


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """The questions of one kind, with a line for each right answer and a column for each of `names`.

    The most frequent answers come first; `answers` counts the right ones that there are, also those without a line.
    """

    kind: str
    answers: int
    questions: int
    names: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def another(self) -> bool:
        """Whether an answer without a column was chosen."""
        return any(line.another for line in self.lines)

    @property
    def none(self) -> bool:
        """Whether a response was no choice."""
        return any(line.none for line in self.lines)


def confusions(questions: Mapping[str, Entry], result: Result) -> tuple[Confusion, ...]:
    """Return a table for each kind of question that has choices."""
    kinds: dict[str, list[tuple[Item, str | None]]] = defaultdict(list)
    for mark in result.marks:
        item = questions[mark.item_id].item
        if item.choices:
            kinds[item.slices["kind"]].append((item, chosen(item, mark.marked)))
    return tuple(_confusion(kind, rows) for kind, rows in sorted(kinds.items()))


def chosen(item: Item, response: str) -> str | None:
    """Return the choice that a response is, or else the only one that it names."""
    if response in item.choices:
        return response
    return next((choice for choice in item.choices if is_right(choice, item.choices, response)), None)


def _confusion(kind: str, rows: Sequence[tuple[Item, str | None]]) -> Confusion:
    by_answer: dict[str, list[tuple[Item, str | None]]] = defaultdict(list)
    for item, choice in rows:
        by_answer[item.label or ""].append((item, choice))
    asked = _most_frequent(Counter({answer: len(of_answer) for answer, of_answer in by_answer.items()}))
    others = _most_frequent(Counter(choice for _, choice in rows if choice is not None and choice not in by_answer))
    names = (*asked, *others)[:MOST_ANSWERS]
    lines = tuple(_line(answer, names, by_answer[answer]) for answer in asked)
    return Confusion(kind=kind, answers=len(by_answer), questions=len(rows), names=names, lines=lines)


def _most_frequent(times: Mapping[str, int]) -> list[str]:
    return sorted(times, key=lambda answer: (-times[answer], answer))[:MOST_ANSWERS]


def _line(answer: str, names: Sequence[str], rows: Sequence[tuple[Item, str | None]]) -> Line:
    times = Counter(choice for _, choice in rows)
    offered = Counter(choice for item, _ in rows for choice in item.choices)
    return Line(
        answer=answer,
        questions=len(rows),
        cells=tuple(Cell(answer=name, chosen=times[name], offered=offered[name]) for name in names),
        another=sum(count for name, count in times.items() if name is not None and name not in names),
        none=times[None],
    )
