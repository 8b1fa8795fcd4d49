"""What was found, for scripts (`validation.json`, part of the content) and for people (Data Docs, beside it)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from great_expectations.expectations.expectation import Expectation

from components.core.contracts.artifacts import Draft
from components.validate_data.data_docs import write_data_docs
from components.validate_data.inspection import Score
from components.validate_data.suite import Gate, Rule

REPORT = "validation.json"
DATA_DOCS = "data_docs/index.html"


def write_report(draft: Draft, rules: Sequence[Rule], gates: Sequence[Gate], scores: Mapping[str, Score]) -> None:
    """Write the score of every expectation; the page's element ids differ each time, so it is only attached."""
    report = {
        "rules": [{"reason": rule.reason, **_entry(rule.name, rule.expectation, scores)} for rule in rules],
        "gates": [{"stops": gate.stops, **_entry(gate.name, gate.expectation, scores)} for gate in gates],
    }
    (draft.folder / REPORT).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    page = draft.folder / DATA_DOCS
    asked = {gate.name: gate.expectation for gate in gates} | {rule.name: rule.expectation for rule in rules}
    write_data_docs(page, "samples", [(expectation, scores[name]) for name, expectation in asked.items()])
    draft.attach(page)


def _entry(name: str, expectation: Expectation, scores: Mapping[str, Score]) -> dict[str, Any]:
    configuration = expectation.configuration
    return {
        "name": name,
        "expectation": configuration.type,
        "arguments": configuration.kwargs,
        "checked": scores[name].checked,
        "failed": scores[name].failed,
    }
