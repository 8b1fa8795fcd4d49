"""Rules about the form of a response: lengths, sections, lists, markup, beginnings and ends."""

import json
import re

from components.evaluate_model.benchmarks.instructions.arguments import Arguments
from components.evaluate_model.benchmarks.instructions.check import Check
from components.evaluate_model.benchmarks.instructions.sentences import sentences_of, words_in

_OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_POSTSCRIPTS = {"P.S.": r"p\.\s?s\.", "P.P.S": r"p\.\s?p\.\s?s"}
_FENCE, _FENCES = "```", ("```json", "```Json", "```JSON", "```")


def number_sentences(arguments: Arguments) -> Check:
    """Want so many sentences."""
    relation = arguments.relation("relation", "num_sentences")
    return lambda response: relation.holds(len(sentences_of(response)))


def number_words(arguments: Arguments) -> Check:
    """Want so many words."""
    relation = arguments.relation("relation", "num_words")
    return lambda response: relation.holds(len(words_in(response)))


def _paragraphs(arguments: Arguments, divider: re.Pattern[str]) -> Check:
    """Want an exact number of paragraphs, none of them blank, between dividers; one may stand before and behind all."""
    wanted = arguments.number("num_paragraphs")

    def check(response: str) -> bool:
        parts = [bool(part.strip()) for part in divider.split(response.strip())]
        return all(parts[1:-1]) and sum(parts) == wanted

    return check


def number_paragraphs(arguments: Arguments) -> Check:
    """Want an exact number of paragraphs, with `***` between them."""
    return _paragraphs(arguments, re.compile(r"\*{3}"))


def number_paragraphs_or_lines(arguments: Arguments) -> Check:
    """Want an exact number of paragraphs, with `***` or line breaks between them."""
    return _paragraphs(arguments, re.compile(r"\s*\*{3}\s*|\n+"))


def nth_paragraph_first_word(arguments: Arguments) -> Check:
    """Want an exact number of paragraphs, with blank lines between them, and a word at the beginning of one."""
    wanted, nth = arguments.number("num_paragraphs", 1), arguments.number("nth_paragraph", 1)
    if nth > wanted:
        raise arguments.unfit("nth_paragraph", f"at most the {wanted} of 'num_paragraphs'")
    first = arguments.text("first_word").lower()

    def check(response: str) -> bool:
        parts = response.split("\n\n")
        words = parts[nth - 1].split() if nth <= len(parts) else []
        begins = words and re.split(r"[.,?!'\"]", words[0].lstrip("'").lstrip('"').lower())[0] == first
        return bool(begins) and sum(bool(part.strip()) for part in parts) == wanted

    return check


def number_placeholders(arguments: Arguments) -> Check:
    """Want at least so many placeholders in square brackets."""
    least = arguments.number("num_placeholders")
    return lambda response: len(re.findall(r"\[.*?\]", response)) >= least


def postscript(arguments: Arguments) -> Check:
    """Want a postscript, by its marker, anywhere."""
    marker = arguments.text("postscript_marker")
    wanted = re.compile(_POSTSCRIPTS.get(marker, re.escape(marker.lower())))
    return lambda response: bool(wanted.search(response.lower()))


def _bullets(arguments: Arguments, others: re.Pattern[str]) -> Check:
    """Want an exact number of lines that begin like one of a list: with one `*` and more behind it, or as `others`."""
    wanted = arguments.number("num_bullets")

    def is_bullet(line: str) -> bool:
        return bool(re.match(r"\*[^*]", line) or others.match(line))

    return lambda response: sum(is_bullet(line.lstrip()) for line in response.split("\n")) == wanted


def number_bullet_lists(arguments: Arguments) -> Check:
    """Want an exact number of lines that begin with `*` or `-`."""
    return _bullets(arguments, re.compile("-"))


def number_bullets_of_any_kind(arguments: Arguments) -> Check:
    """Want an exact number of lines that begin with `*`, `-`, `•` or a digit."""
    return _bullets(arguments, re.compile(r"[-•\d]"))


def constrained_response(_: Arguments) -> Check:
    """Want one of three answers, anywhere."""
    return lambda response: any(option in response for option in _OPTIONS)


def number_highlighted_sections(arguments: Arguments) -> Check:
    """Want at least so many highlights in `*` or `**`, each within a line."""
    least = arguments.number("num_highlights")

    def check(response: str) -> bool:
        found = [part for stars in (r"\*", r"\*\*") for part in re.findall(rf"{stars}([^\n*]*){stars}", response)]
        return sum(bool(part.strip()) for part in found) >= least

    return check


def multiple_sections(arguments: Arguments) -> Check:
    """Want at least so many sections, each begun by a marker with a number; the case of the marker matters."""
    marker, least = re.escape(arguments.text("section_spliter")), arguments.number("num_sections")
    return lambda response: len(re.findall(rf"{marker}\s?\d+", response)) >= least


def json_format(_: Arguments) -> Check:
    """Want JSON and nothing else, if need be between fences of three backticks."""

    def check(response: str) -> bool:
        text = response.strip()
        for fence in _FENCES:
            text = text.removeprefix(fence)
        try:
            json.loads(text.removesuffix(_FENCE).strip())
        except (ValueError, RecursionError):
            return False
        return True

    return check


def title(_: Arguments) -> Check:
    """Want a title in double angular brackets, within a line."""
    return lambda response: any(found.lstrip("<").rstrip(">").strip() for found in re.findall(r"<<[^\n]+>>", response))


def two_responses(_: Arguments) -> Check:
    """Want two different responses with `******` between them."""

    def check(response: str) -> bool:
        parts = [part.strip() for part in response.split("******")]
        given = [part for part in parts if part]
        return all(parts[1:-1]) and len(given) == 2 and given[0] != given[1]

    return check


def repeat_prompt(arguments: Arguments) -> Check:
    """Want a text at the beginning; case does not matter."""
    prompt = arguments.text("prompt_to_repeat").lower()
    return lambda response: response.strip().lower().startswith(prompt)


def repeat_prompt_in_quotes(arguments: Arguments) -> Check:
    """Want a text at the beginning; neither case nor quotes before it matter."""
    prompt = arguments.text("prompt_to_repeat").lower()
    return lambda response: response.strip().lower().strip("\"'").startswith(prompt)


def end_checker(arguments: Arguments) -> Check:
    """Want a text at the end; neither case nor double quotes behind it matter."""
    phrase = arguments.text("end_phrase").lower()
    return lambda response: response.strip().strip('"').lower().endswith(phrase)


def quotation(_: Arguments) -> Check:
    """Want double quotes around the whole."""

    def check(response: str) -> bool:
        text = response.strip()
        return len(text) > 1 and text[0] == text[-1] == '"'

    return check
