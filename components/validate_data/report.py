"""What was found, for scripts (`validation.json`, part of the content) and for people (the page, beside it)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from great_expectations.expectations.expectation import Expectation

from components.core.contracts.artifacts import Artifact, Draft
from components.validate_data.drift import Drift
from components.validate_data.inspection import Score
from components.validate_data.page import Findings, write_page
from components.validate_data.suite import Gate, Rule

REPORT = "validation.json"
PAGE = "data_docs/index.html"
DRIFT = "data_docs/drift.json"


def write_report(draft: Draft, rules: Sequence[Rule], gates: Sequence[Gate], scores: Mapping[str, Score]) -> None:
    """Write the score of every expectation."""
    report = {
        "rules": [{"reason": rule.reason, **_entry(rule.name, rule.expectation, scores)} for rule in rules],
        "gates": [{"stops": gate.stops, **_entry(gate.name, gate.expectation, scores)} for gate in gates],
    }
    (draft.folder / REPORT).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def attach_documents(draft: Draft, found: Findings, clips: Artifact) -> None:
    """Write what is no content: the page, whose element ids differ each time, and the drift from earlier results."""
    write_page(draft.folder / PAGE, found, clips)
    (draft.folder / DRIFT).write_text(json.dumps(_drift(found.drift), indent=1) + "\n", encoding="utf-8")
    draft.attach(draft.folder / PAGE, draft.folder / DRIFT)


def _entry(name: str, expectation: Expectation, scores: Mapping[str, Score]) -> dict[str, Any]:
    configuration = expectation.configuration
    return {
        "name": name,
        "expectation": configuration.type,
        "arguments": configuration.kwargs,
        "checked": scores[name].checked,
        "failed": scores[name].failed,
    }


def _drift(drift: Drift | None) -> dict[str, Any]:
    if drift is None:
        return {"baseline": None, "changes": [], "warnings": []}
    changes = [asdict(change) for change in drift.changes]
    return {"baseline": drift.baseline, "changes": changes, "warnings": drift.warnings()}
