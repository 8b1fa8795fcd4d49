"""Letting Great Expectations judge: frames in, findings out, nothing written and nobody told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.expectations.expectation import Expectation

from components.core.contracts.errors import ContractError

_EXAMPLES = 20


@dataclass(frozen=True)
class Finding:
    """What one expectation found: rows checked, positions of the rows that break it, and some of their values."""

    checked: int
    failed: tuple[int, ...]
    examples: tuple[Any, ...]


@dataclass(frozen=True)
class Score:
    """The findings of one expectation in all frames, added up; flat however many there are."""

    checked: int = 0
    failed: int = 0
    examples: tuple[Any, ...] = ()

    def plus(self, finding: Finding) -> "Score":
        """Return the score with one more frame."""
        return Score(
            self.checked + finding.checked,
            self.failed + len(finding.failed),
            (*self.examples, *finding.examples)[:_EXAMPLES],
        )


class Inspection:
    """A suite of named expectations, in a context that lives in memory only."""

    def __init__(self, suite: str, expectations: Mapping[str, Expectation]) -> None:
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        asset = context.data_sources.add_pandas(suite).add_dataframe_asset(suite)
        self._frames = asset.add_batch_definition_whole_dataframe(suite)
        named = [expectation.copy(update={"meta": {"name": name}}) for name, expectation in expectations.items()]
        self._suite = gx.ExpectationSuite(name=suite, expectations=named)

    def of(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Finding]:
        """Return what each expectation finds in the rows.

        Raises:
            ContractError: an expectation could not be evaluated, so that nothing would have been refused for it.
        """
        # Objects stay what they are: a column of text must not become Arrow text, nor one of None and int floats.
        frame = pd.DataFrame(rows, dtype=object)
        batch = self._frames.get_batch({"dataframe": frame})
        results = batch.validate(self._suite, result_format="COMPLETE").results
        found = {result.expectation_config.meta["name"]: result for result in results}
        return {name: _finding(name, result, len(frame)) for name, result in found.items()}


def _finding(name: str, result: Any, rows: int) -> Finding:
    """Read one result of Great Expectations, which keeps the exceptions of an expectation to itself."""
    if result.result.get("element_count") != rows:
        raise ContractError(f"expectation {name} was not evaluated: {_fault(result.exception_info)}; mend the suite")
    return Finding(
        checked=rows - result.result.get("missing_count", 0),
        failed=tuple(result.result["unexpected_index_list"]),
        examples=tuple(result.result["unexpected_list"][:_EXAMPLES]),
    )


def _fault(information: Mapping[str, Any]) -> str:
    lines = [fault["exception_message"] for fault in information.values() if isinstance(fault, dict)]
    return next(iter(lines), "no reason given")
