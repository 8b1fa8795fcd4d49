"""Constraints by the ids of IFEval (reference: google-research, `instruction_following_eval`), and of Speech-IFEval.

Speech-IFEval took IFEval's rules over and changed five: any kind of list counts (its published code lacks the numbered
ones, which its published report counts), line breaks divide paragraphs, quotes may stand before a text to repeat, and
what is written in one case may be in any language.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.instructions import shape, wording
from components.evaluate_model.benchmarks.instructions.arguments import Arguments
from components.evaluate_model.benchmarks.instructions.check import Check, Rule
from components.evaluate_model.benchmarks.records import Constraint
from components.evaluate_model.benchmarks.rows import Row

Rules = Mapping[str, Rule]

IFEVAL_RULES: Rules = {
    "keywords:existence": wording.existence,
    "keywords:frequency": wording.frequency,
    "keywords:forbidden_words": wording.forbidden_words,
    "keywords:letter_frequency": wording.letter_frequency,
    "language:response_language": wording.response_language,
    "length_constraints:number_sentences": shape.number_sentences,
    "length_constraints:number_paragraphs": shape.number_paragraphs,
    "length_constraints:number_words": shape.number_words,
    "length_constraints:nth_paragraph_first_word": shape.nth_paragraph_first_word,
    "detectable_content:number_placeholders": shape.number_placeholders,
    "detectable_content:postscript": shape.postscript,
    "detectable_format:number_bullet_lists": shape.number_bullet_lists,
    "detectable_format:constrained_response": shape.constrained_response,
    "detectable_format:number_highlighted_sections": shape.number_highlighted_sections,
    "detectable_format:multiple_sections": shape.multiple_sections,
    "detectable_format:json_format": shape.json_format,
    "detectable_format:title": shape.title,
    "combination:two_responses": shape.two_responses,
    "combination:repeat_prompt": shape.repeat_prompt,
    "startend:end_checker": shape.end_checker,
    "startend:quotation": shape.quotation,
    "change_case:capital_word_frequency": wording.capital_word_frequency,
    "change_case:english_capital": wording.english_capital,
    "change_case:english_lowercase": wording.english_lowercase,
    "punctuation:no_comma": wording.no_comma,
}
SPEECH_IFEVAL_RULES: Rules = {
    **IFEVAL_RULES,
    "detectable_format:number_bullet_lists": shape.number_bullets_of_any_kind,
    "length_constraints:number_paragraphs": shape.number_paragraphs_or_lines,
    "combination:repeat_prompt": shape.repeat_prompt_in_quotes,
    "change_case:english_capital": wording.capital,
    "change_case:english_lowercase": wording.lowercase,
}


def constraints_in(row: Row, rules: Rules) -> tuple[Constraint, ...]:
    """Read the constraints of a row in the official form: `instruction_id_list`, and `kwargs` for each of them.

    Raises:
        SourceError: the row is not of that form, or a constraint cannot be checked.
    """
    ids, arguments = row.texts("instruction_id_list"), row.values.get("kwargs")
    if not isinstance(arguments, list) or not all(isinstance(each, dict | None) for each in arguments):
        raise SourceError(f"{row.where}: 'kwargs' is no list of objects but {arguments!r:.80}")
    if len(ids) != len(arguments):
        raise SourceError(f"{row.where}: {len(ids)} in 'instruction_id_list', but {len(arguments)} in 'kwargs'")
    pairs = zip(ids, arguments, strict=True)
    found = tuple(Constraint(constraint_id=name, arguments=_given(each)) for name, each in pairs)
    checks_of(found, rules, row.where)
    return found


def _given(arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (arguments or {}).items() if value is not None}


def checks_of(constraints: Sequence[Constraint], rules: Rules, where: str) -> tuple[Check, ...]:
    """Return a check for each constraint.

    Raises:
        SourceError: no rule has such an id, or its arguments are not what it wants.
    """
    return tuple(_check(constraint, rules, where) for constraint in constraints)


def _check(constraint: Constraint, rules: Rules, where: str) -> Check:
    if constraint.constraint_id not in rules:
        raise SourceError(f"{where}: no rule for the constraint {constraint.constraint_id!r}")
    arguments = Arguments(where, constraint.constraint_id, constraint.arguments)
    check = rules[constraint.constraint_id](arguments)
    arguments.finish()
    return check


def follows(check: Check, response: str) -> bool:
    """Tell whether a response passes, strictly: as it is. An empty one passes nothing."""
    return bool(response.strip()) and check(response)


def follows_loosely(check: Check, response: str) -> bool:
    """Tell whether a response passes in any of eight forms: without its first line, its last one, and asterisks."""
    return any(follows(check, form) for form in loose_forms(response))


def loose_forms(response: str) -> tuple[str, ...]:
    """Return a response as it is and without its first line, its last, both, and each of these without asterisks."""
    lines = response.split("\n")
    shorter = ("\n".join(some).strip() for some in (lines[1:], lines[:-1], lines[1:-1]))
    forms = (response, *shorter)
    return (*forms, *(form.replace("*", "") for form in forms))
