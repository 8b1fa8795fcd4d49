"""Results as they are shown: JSON for scripts, lines for people."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from components.evaluate_model.benchmarks.agreement import Agreement
from components.evaluate_model.benchmarks.comparison import Difference
from components.evaluate_model.benchmarks.records import Outcome
from components.evaluate_model.benchmarks.scoring import NO_JUDGE, Result
from components.evaluate_model.benchmarks.verdicts import Judging


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What is shown beside a result: what changed, how it stands to a reference, the judge's work, and people."""

    differences: Sequence[Difference] = ()
    related: Sequence[Difference] = ()
    judging: Judging | None = None
    agreement: Agreement | None = None


def as_json(result: Result, beside: Beside) -> str:
    """Write a result without its marks, and what is beside it, for scripts."""
    shown: dict[str, Any] = result.model_dump(mode="json", exclude={"marks"})
    shown["unparsed"] = _unparsed(result)
    shown["differences"] = [difference.model_dump(mode="json") for difference in beside.differences]
    shown["related"] = [difference.model_dump(mode="json") for difference in beside.related]
    shown["judging"] = beside.judging.model_dump(mode="json") if beside.judging else None
    shown["agreement"] = beside.agreement.model_dump(mode="json") if beside.agreement else None
    return json.dumps(shown, indent=2, ensure_ascii=False)


def lines_of(result: Result, beside: Beside) -> Iterator[str]:
    """Yield a result in lines for people: figures with intervals, what could not be counted, what is beside it."""
    basis = result.basis
    yield f"{basis.benchmark} {basis.version}, rules {basis.rules}, post-processing {basis.post}"
    width = max((len(figure.name) for figure in result.figures), default=0)
    for figure in result.figures:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in figure.outcomes.items() if outcome != "marked")
        yield (
            f"  {figure.name:<{width}}  {figure.value:8.4f}  [{figure.low:.4f}, {figure.high:.4f}]  "
            f"{figure.items} items{f' ({counts})' if counts else ''}"
        )
    yield from _uncounted(result)
    yield from _judged(beside)
    for change in (*beside.differences, *beside.related):
        verdict = "better" if change.better else "worse" if change.worse else "no clear difference"
        yield f"  {change.name:<{width}}  {change.value:+8.4f}  [{change.low:+.4f}, {change.high:+.4f}]  {verdict}"


def _uncounted(result: Result) -> Iterator[str]:
    unjudged = sum(mark.outcome is Outcome.UNMARKED and mark.detail == NO_JUDGE for mark in result.marks)
    unasked = "they need a judge, see --judge" if result.basis.judge is None else "the budget left out their questions"
    counts = {
        "without a prediction": len(result.missing),
        "unparsed: the words or the number that they are marked by cannot be read": _unparsed(result),
        f"not marked: {unasked}": unjudged,
        "not marked": result.unmarked - unjudged,
    }
    yield from (f"  {count} items {what}" for what, count in counts.items() if count)


def _unparsed(result: Result) -> int:
    return sum(mark.outcome is Outcome.UNPARSED for mark in result.marks)


def _judged(beside: Beside) -> Iterator[str]:
    if judging := beside.judging:
        who = f"{judging.judge.model} ({judging.judge.served_by})"
        yield (
            f"  judge {who}: {judging.asked} questions asked, {judging.kept} kept from before, "
            f"{judging.left_out} left out by the budget"
        )
    if found := beside.agreement:
        kappa = "undefined, since all values are the same one" if found.kappa is None else f"{found.kappa:.4f}"
        yield f"  agreement with people on {found.items} items: {found.share:.4f}, Cohen's kappa {kappa}"
