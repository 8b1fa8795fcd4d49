"""The page that people read: Great Expectations' own rendering of all scores, safe and complete without a network."""

import html
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.expectations.expectation import Expectation
from great_expectations.render import RenderedDocumentContent
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

from components.validate_data.inspection import Score

_LONGEST_VALUE = 200
_LINK = re.compile(r"</?a\b[^>]*>")
"""Links of a whole site of Great Expectations; there is this page only."""
_PAGE = """<!DOCTYPE html>
<html lang="en"><head>
<meta charset="utf-8"><title>{{ page_title | e }}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
  body { font: 15px/1.5 sans-serif; max-width: 70rem; margin: 2rem auto; color: #222; background: #fff }
  table { border-collapse: collapse; margin: .5rem 0 }
  td, th { border: 1px solid #ccc; padding: .3rem .6rem; text-align: left; overflow-wrap: anywhere }
  h5 { font-size: 1.1rem; margin: 2rem 0 0 } [hidden] { display: none }
  .text-danger { color: #b00020 } .text-success { color: #1b6e2d } .text-warning { color: #8a6100 }
  .fa-times::before { content: "failed" } .fa-check-circle::before { content: "met" }
</style></head><body>
{% for section in sections %}{% set section_loop = loop %}{% include "section.j2" %}{% endfor %}
</body></html>
"""


def write_data_docs(page: Path, title: str, scored: Iterable[tuple[Expectation, Score]]) -> None:
    """Write one HTML page with every expectation, how many rows it checked, and escaped examples of what broke it."""
    results = [_result(expectation, score) for expectation, score in scored]
    met = sum(bool(result.success) for result in results)
    whole = ExpectationSuiteValidationResult(
        success=met == len(results),
        results=results,
        suite_name=title,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": met,
            "unsuccessful_expectations": len(results) - met,
            "success_percent": 100 * met / len(results),
        },
        meta={"run_id": RunIdentifier(run_name="validate_data")},
    )
    document: RenderedDocumentContent = ValidationResultsPageRenderer(run_info_at_end=True).render(whole)
    text = DefaultJinjaPageView().env.from_string(_PAGE).render(document.to_json_dict())
    page.parent.mkdir(parents=True)
    page.write_text(_LINK.sub("", text), encoding="utf-8")


def _result(expectation: Expectation, score: Score) -> ExpectationValidationResult:
    # Great Expectations puts the values of a frame into its pages as they are: a response could bring a script.
    shown = [html.escape(str(value)[:_LONGEST_VALUE]) for value in score.examples]
    share = 100 * score.failed / score.checked if score.checked else 0.0
    result: dict[str, Any] = {
        "element_count": score.checked,
        "unexpected_count": score.failed,
        "unexpected_percent": share,
        "unexpected_percent_total": share,
        "partial_unexpected_list": shown,
        "partial_unexpected_counts": [{"value": value, "count": n} for value, n in Counter(shown).items()],
    }
    return ExpectationValidationResult(
        success=score.failed == 0, expectation_config=expectation.configuration, result=result
    )
