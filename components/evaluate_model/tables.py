"""The figures of a report as tables by group, and the axes that their intervals are drawn along."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from components.evaluate_model.benchmarks.benchmark import Entry
from components.evaluate_model.benchmarks.desta_sample import NAME, WORD_ERRORS
from components.evaluate_model.benchmarks.records import Figure
from components.evaluate_model.benchmarks.scoring import Result
from components.evaluate_model.report import Report
from components.evaluate_model.scores import Scores

ALL = "all"
_KINDS = ("wrong clip", "domain", "kind", "corpus", "language", "duration", "speaker", WORD_ERRORS)
"""What groups are made by, in the order of the tables."""

T = TypeVar("T")


@dataclass(frozen=True)
class Axis:
    """A line from `low` to `high`."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Return where a value lies, in hundredths of the line; what is beyond it lies at its end."""
        return min(max(100 * (value - self.low) / (self.high - self.low), 0.0), 100.0)


def axis_of(values: Iterable[float]) -> Axis:
    """Return an axis that zero and all of these values are on."""
    ends = [0.0, *values]
    low, high = min(ends), max(ends)
    return Axis(low, high if high > low else low + 1)


def gains(report: Report) -> dict[str, dict[str, Scores]]:
    """Return the scores of the held-out answers by what their groups are made by, and by group."""
    found: dict[str, dict[str, Scores]] = defaultdict(dict)
    found["domain"] = {str(domain): scores for domain, scores in report.domains.items()}
    for name, scores in report.groups.items():
        kind, value = _group(name)
        found[kind][value] = scores
    return _in_order(found)


def axis_of_gains(report: Report) -> Axis:
    """Return the one axis of all gains, so that tables can be compared."""
    every = [report.pooled, *report.domains.values(), *report.groups.values()]
    return axis_of(end for scores in every for end in (scores.audio_gain.low, scores.audio_gain.high))


def accuracies(results: Mapping[str, Result]) -> dict[str, dict[str, dict[str, Figure]]]:
    """Return the figures of desta-sample by what their groups are made by, by group, and by system."""
    found: dict[str, dict[str, dict[str, Figure]]] = defaultdict(lambda: defaultdict(dict))
    for system, result in results.items():
        for figure in result.figures:
            kind, value = _group(figure.name)
            found[kind][value][system] = figure
    return _in_order(found)


def by_chance(questions: Mapping[str, Entry]) -> float | None:
    """Return the share of right answers that blind choices come to; `None` where there are no choices."""
    shares = [1 / len(entry.item.choices) for entry in questions.values() if entry.item.choices]
    return sum(shares) / len(shares) if shares else None


def _group(name: str) -> tuple[str, str]:
    """Return what a group is made by, and its own name."""
    kind, named, value = name.partition(": ")
    if named:
        return kind, value
    if name.startswith("wrong clip "):
        return "wrong clip", name.removeprefix("wrong clip ")
    if name == WORD_ERRORS:
        return WORD_ERRORS, ALL
    return "domain", ALL if name == NAME else name


def _in_order(found: Mapping[str, Mapping[str, T]]) -> dict[str, dict[str, T]]:
    """Return the kinds as the tables stand, and the groups of each by name, all of them together first."""
    kinds = sorted(found, key=lambda kind: (_KINDS.index(kind) if kind in _KINDS else len(_KINDS), kind))
    return {
        kind: dict(sorted(found[kind].items(), key=lambda group: (group[0] != ALL, group[0])))
        for kind in kinds
        if found[kind]
    }
