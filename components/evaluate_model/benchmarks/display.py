"""Results as they are shown: JSON for scripts, lines for people."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from components.evaluate_model.benchmarks.comparison import Difference
from components.evaluate_model.benchmarks.scoring import Result


def as_json(result: Result, differences: Sequence[Difference], related: Sequence[Difference]) -> str:
    """Write a result without its marks, and what it was compared with, for scripts."""
    shown: dict[str, Any] = result.model_dump(mode="json", exclude={"marks"})
    shown["differences"] = [difference.model_dump(mode="json") for difference in differences]
    shown["related"] = [difference.model_dump(mode="json") for difference in related]
    return json.dumps(shown, indent=2, ensure_ascii=False)


def lines_of(result: Result, differences: Sequence[Difference]) -> Iterator[str]:
    """Yield a result in lines for people: figures with intervals, what could not be counted, what changed."""
    basis = result.basis
    yield f"{basis.benchmark} {basis.version}, rules {basis.rules}, post-processing {basis.post}"
    width = max((len(figure.name) for figure in result.figures), default=0)
    for figure in result.figures:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in figure.outcomes.items() if outcome != "marked")
        yield (
            f"  {figure.name:<{width}}  {figure.value:8.4f}  [{figure.low:.4f}, {figure.high:.4f}]  "
            f"{figure.items} items{f' ({counts})' if counts else ''}"
        )
    for what, ids in (("without a prediction", result.missing), ("not marked", result.unmarked)):
        count = ids if isinstance(ids, int) else len(ids)
        if count:
            yield f"  {count} items {what}"
    for change in differences:
        verdict = "better" if change.better else "worse" if change.worse else "no clear difference"
        yield f"  {change.name:<{width}}  {change.value:+8.4f}  [{change.low:+.4f}, {change.high:+.4f}]  {verdict}"
