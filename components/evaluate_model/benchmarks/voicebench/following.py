"""Whether a response follows its instructions, IFEval spoken (reference: VoiceBench, `src/evaluator/ifeval.py`).

A response is checked strictly, as it is, and loosely, without its first or last line or asterisks; and both by whether
it follows all that was asked, and by how much of it. The column is the plain mean of the four rates.
"""

from collections.abc import Sequence

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.benchmark import mark_of
from components.evaluate_model.benchmarks.instructions.constraints import (
    IFEVAL_RULES,
    checks_of,
    constraints_in,
    follows,
    follows_loosely,
)
from components.evaluate_model.benchmarks.records import Constraint, Item, Mark, Outcome
from components.evaluate_model.benchmarks.rows import Row

METRIC = "instructions"
_TURNS = ("<1>", "<2>", "<3>")


def constraints_of(row: Row) -> tuple[Constraint, ...]:
    """Read the constraints of a row.

    Raises:
        SourceError: there is none, or one that cannot be checked.
    """
    found = constraints_in(row, IFEVAL_RULES)
    if not found:
        raise SourceError(f"{row.where}: 'instruction_id_list' is empty; want at least one")
    return found


def mark(item: Item, response: str, _replies: Sequence[str]) -> Mark:
    """Mark a response by how many of its constraints it meets strictly; `number` is how many it meets loosely."""
    text = response[3:].strip() if response.startswith(_TURNS) else response
    checks = checks_of(item.constraints, IFEVAL_RULES, item.item_id)
    strict, loose = (sum(rule(check, text) for check in checks) for rule in (follows, follows_loosely))
    outcome = Outcome.MARKED if text.strip() else Outcome.EMPTY
    detail = f"{strict} strictly and {loose} loosely of {len(checks)}"
    found = mark_of(item, float(strict), response, weight=float(len(checks)), outcome=outcome, detail=detail)
    return found.model_copy(update={"number": float(loose)})


def final(marks: Sequence[Mark]) -> float:
    """Return the mean of the strict and loose rates of responses that meet all constraints, and of constraints met."""
    constraints = sum(mark.weight for mark in marks)
    met = [[value or 0.0 for value in values] for values in ((m.value for m in marks), (m.number for m in marks))]
    whole = [sum(n == mark.weight for n, mark in zip(values, marks, strict=True)) / len(marks) for values in met]
    return (sum(whole) + sum(sum(values) / constraints for values in met)) / 4
