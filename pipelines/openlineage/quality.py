"""What the gates found, as assertions about the data that they looked at."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from openlineage.client.facet_v2 import InputDatasetFacet, data_quality_assertions_dataset

from components.core.contracts.records import Sample
from components.core.runs import StageRecord

_REPORT = "validation.json"
_STOPS, _WARNS = "error", "warn"
Assertion = data_quality_assertions_dataset.Assertion


def assertions_about(word: str, record: StageRecord) -> dict[str, InputDatasetFacet]:
    """Return what a stage that ended says of one of its inputs: `validate_data` of samples, `evaluate_model` of models.

    A severity of `error` ends the run where the assertion does not hold; with `warn` rows are refused, or people told.
    """
    found: list[Assertion] = []
    if (record.stage, word) == ("validate_data", "samples"):
        found = list(_of_report(Path(record.outputs["accepted"].path) / _REPORT))
    if (record.stage, word) == ("evaluate_model", "model"):
        found = [_of_evaluation(record.facts.get("refusals", []))]
    facet = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(assertions=found)
    return {"dataQualityAssertions": facet} if found else {}


def _of_report(report: Path) -> Iterator[Assertion]:
    if not report.is_file():
        return
    read = json.loads(report.read_bytes())
    yield from (_assertion(rule, _WARNS, {"reason": rule["reason"]}) for rule in read["rules"])
    yield from (_assertion(gate, _STOPS if gate["stops"] else _WARNS, {}) for gate in read["gates"])


def _assertion(entry: Mapping[str, Any], severity: str, more: Mapping[str, str]) -> Assertion:
    column = entry["arguments"].get("column")
    return Assertion(
        assertion=entry["expectation"],
        success=entry["failed"] == 0,
        column=column if column in Sample.model_fields else None,
        severity=severity,
        name=entry["name"],
        actual=f"{entry['failed']} of {entry['checked']} failed",
        params={**entry["arguments"], **more},
    )


def _of_evaluation(refusals: list[str]) -> Assertion:
    return Assertion(
        assertion="policy",
        success=not refusals,
        severity=_STOPS,
        name="evaluate_model.policy",
        actual="; ".join(refusals) or None,
    )
