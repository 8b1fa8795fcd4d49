"""Great Expectations' own rendering of all scores, as a safe part of the page that people read."""

import html
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.expectations.expectation import Expectation
from great_expectations.render import RenderedDocumentContent
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView
from markupsafe import Markup

from components.validate_data.inspection import Score

_LONGEST_VALUE = 200
_LINK = re.compile(r"</?a\b[^>]*>")
"""Links of a whole site of Great Expectations; there is this page only."""
_SECTIONS = '{% for section in sections %}{% set section_loop = loop %}{% include "section.j2" %}{% endfor %}'


def data_docs(title: str, scored: Iterable[tuple[Expectation, Score]]) -> Markup:
    """Return every expectation, how many rows it checked, and escaped examples of what broke it, as HTML."""
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
    text = DefaultJinjaPageView().env.from_string(_SECTIONS).render(document.to_json_dict())
    return Markup(_LINK.sub("", text))  # noqa: S704 - what comes from the data is escaped below


def _result(expectation: Expectation, score: Score) -> ExpectationValidationResult:
    # Great Expectations puts the values of a frame into its pages as they are: a response could bring a script.
    shown = [html.escape(_words(value)[:_LONGEST_VALUE]) for value in score.examples]
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


def _words(value: Any) -> str:
    """Write a value, or the pair of values that an expectation compared, with as many digits as a person reads."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_words, value))})"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
