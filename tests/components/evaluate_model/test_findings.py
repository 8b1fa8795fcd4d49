"""What is read back from a finished report."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.errors import ContractError
from components.evaluate_model.findings import Findings, read_findings
from tests.components.evaluate_model.evaluated import findings, write_report


def test_a_report_without_questions_is_read_back(tmp_path: Path) -> None:
    some = findings()
    none: dict[str, Any] = {"questions": {}, "on_sample": {}, "texts": {}, "on_text": {}}
    read = read_findings(write_report(tmp_path / "report", Findings(**{**vars(some), **none})))
    assert (read.questions, read.on_sample, read.texts, read.on_text) == ({}, {}, {}, {})


@pytest.mark.parametrize(
    ("file", "content", "line"),
    [
        ("report.json", "{}", "report.json: no Report: figures: Field required; evaluate the model again"),
        ("report.json", None, "report.json: cannot be read: No such file or directory; evaluate the model again"),
        ("desta-sample/cascade/result.json", "?", "desta-sample/cascade/result.json: no Result: "),
        ("desta-sample/trained/desta-sample.json", None, "trained: has no desta-sample.json; evaluate the model again"),
        ("desta-text/after/desta-text.jsonl", "[", "desta-text.jsonl: line 1: no JSON"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path: Path, file: str, content: str | None, line: str) -> None:
    report = write_report(tmp_path / "report", findings())
    (report.folder / file).unlink()
    if content is not None:
        (report.folder / file).write_text(content)
    with pytest.raises(ContractError) as stopped:
        read_findings(report)
    assert line in str(stopped.value)
    assert "\n" not in str(stopped.value)


def test_a_mark_of_an_unknown_item_is_one_line(tmp_path: Path) -> None:
    report = write_report(tmp_path / "report", findings())
    file = report.folder / "desta-text" / "before" / "result.json"
    result = json.loads(file.read_text())
    result["marks"][0]["item_id"] = "z"
    file.write_text(json.dumps(result))
    with pytest.raises(ContractError, match="before: item 'z' has a mark and is in no file; evaluate the model again"):
        read_findings(report)
