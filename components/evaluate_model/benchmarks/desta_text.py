"""desta-text: questions without audio whose answers follow rules that can be checked, to see what a backbone forgets.

The questions are ours; their form and their rules are IFEval's, checked strictly. The figure is the share of rules that
are followed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.benchmark import Benchmark, Entry, mark_of, rows_with
from components.evaluate_model.benchmarks.instructions.constraints import (
    IFEVAL_RULES,
    checks_of,
    constraints_in,
    follows,
)
from components.evaluate_model.benchmarks.records import Item, Mark, Outcome
from components.evaluate_model.benchmarks.rows import Row, as_lines

NAME, VERSION = "desta-text", "1"
_FILE = "desta-text.jsonl"
SHIPPED = Path(__file__).parent
"""The folder that the questions ship in."""


def items_of(row: Row) -> tuple[Item]:
    """Read the item in a row.

    Raises:
        SourceError: the row is not of the form of IFEval's file.
    """
    constraints = constraints_in(row, IFEVAL_RULES)
    if not constraints:
        raise SourceError(f"{row.where}: 'instruction_id_list' is empty; want at least one")
    item = Item(
        benchmark=NAME,
        subset=NAME,
        item_id=row.name("key"),
        metric="rules",
        audio=(),
        instruction=row.name("prompt"),
        constraints=constraints,
    )
    return (item,)


def mark(item: Item, response: str, _replies: Sequence[str]) -> Mark:
    """Mark a response by how many of its rules it follows."""
    checks = checks_of(item.constraints, IFEVAL_RULES, item.item_id)
    followed = sum(follows(check, response) for check in checks)
    outcome = Outcome.MARKED if response.strip() else Outcome.EMPTY
    return mark_of(item, float(followed), response, weight=float(len(checks)), outcome=outcome)


def export(entries: Sequence[Entry], responses: Mapping[str, str]) -> Mapping[str, str]:
    """Write the rows with `response`, as IFEval's own input file has them."""
    return {_FILE: as_lines(rows_with("response", entries, responses))}


DESTA_TEXT = Benchmark(
    name=NAME,
    version=VERSION,
    rules="1",
    about="questions without audio, to see what a backbone forgets",
    files=lambda folder: [folder / _FILE],
    items_of=items_of,
    response_of=lambda row: row.optional_text("response"),
    mark=mark,
    export=export,
)
