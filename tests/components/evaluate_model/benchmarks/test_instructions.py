import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.instructions.constraints import (
    IFEVAL_RULES,
    SPEECH_IFEVAL_RULES,
    Rules,
    checks_of,
    constraints_in,
    follows,
    follows_loosely,
    loose_forms,
)
from components.evaluate_model.benchmarks.instructions.wording import language_of
from components.evaluate_model.benchmarks.records import Constraint
from components.evaluate_model.benchmarks.rows import Row


def check(name: str, response: str, rules: Rules = IFEVAL_RULES, **arguments: Any) -> bool:
    (found,) = checks_of([Constraint(constraint_id=name, arguments=arguments)], rules, "here")
    return follows(found, response)


def speech(name: str, response: str, **arguments: Any) -> bool:
    return check(name, response, SPEECH_IFEVAL_RULES, **arguments)


AT_LEAST_2, LESS_THAN_2 = {"relation": "at least"}, {"relation": "less than"}
RUSSIAN = "МЫ ЖИВЁМ ЗДЕСЬ УЖЕ ДЕСЯТЬ ЛЕТ"
ENGLISH = "the quick brown fox jumps over the lazy dog near the river bank"


@pytest.mark.parametrize(
    ("name", "arguments", "passes", "fails"),
    [
        ("keywords:existence", {"keywords": ["sun", "sea"]}, "Seaside, SUNNY", "sunny"),
        ("keywords:existence", {"keywords": ["colou?r"]}, "color", "collar"),
        ("keywords:forbidden_words", {"forbidden_words": ["sun", "sea"]}, "sunny seaside", "in the Sea."),
        ("keywords:frequency", {"keyword": " sun ", "frequency": 2, **AT_LEAST_2}, "Sun, sunny", "sun"),
        ("keywords:frequency", {"keyword": "sun", "frequency": 2, **LESS_THAN_2}, "one sun", "sun sun"),
        ("keywords:letter_frequency", {"letter": "E", "let_frequency": 2, "let_relation": "at least"}, "eE", "e"),
        ("keywords:letter_frequency", {"letter": "#", "let_frequency": 2, "let_relation": "less than"}, "#a", "##"),
        ("language:response_language", {"language": "fr"}, "Je ne sais pas où se trouve la bibliothèque.", ENGLISH),
        ("language:response_language", {"language": "fr"}, "12 345", "I do not know where the library is."),
        ("length_constraints:number_sentences", {"num_sentences": 2, **AT_LEAST_2}, "A cat. A dog.", "A cat, a dog."),
        ("length_constraints:number_sentences", {"num_sentences": 2, **LESS_THAN_2}, "A cat", "A cat. A dog"),
        ("length_constraints:number_words", {"num_words": 3, **AT_LEAST_2}, "well-known cat", "known cat"),
        ("length_constraints:number_words", {"num_words": 2, **LESS_THAN_2}, "cat!", "cat's"),
        ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a\n\nb\n***\nc", "a\n\nb"),
        ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "***\na *** b ***", "a *** *** b"),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Well"},
            'Oh.\n\n"well, yes',
            "Well, yes\n\nOh.",
        ),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 1, "first_word": "oh"},
            "Oh!\n\nYes\n\n",
            "Oh!\n\nYes\n\nNo",
        ),
        ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[name] [] x", "[name x] y"),
        ("detectable_content:postscript", {"postscript_marker": "P.S."}, "Bye\np. s. and so on", "P.P.S and so on"),
        ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "Bye\nP.P.S. and so on", "P.S. and so on"),
        ("detectable_content:postscript", {"postscript_marker": "N.B."}, "bye n.b. yes", "bye nab. yes"),
        ("detectable_format:number_bullet_lists", {"num_bullets": 2}, " * a\n- b\n• c", "* a\n**b**\n"),
        ("detectable_format:constrained_response", {}, "Well: My answer is no. Sorry", "my answer is no."),
        ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*a* and **b**", "*a* and ** **"),
        (
            "detectable_format:multiple_sections",
            {"section_spliter": "Section", "num_sections": 2},
            "Section 1 a Section2 b",
            "SECTION 1 a Section 2 b",
        ),
        ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', 'Here: {"a": 1}'),
        ("detectable_format:json_format", {}, '```\n["a"]```', "```python\n1\n```"),
        ("detectable_format:json_format", {}, "7", "{'a': 1}"),
        ("detectable_format:title", {}, "Oh\n<<A title>>", "<< >>"),
        ("detectable_format:title", {}, "<<<x>>>", "<<A\ntitle>>"),
        ("combination:two_responses", {}, "******a\n******b", "a******a"),
        ("combination:two_responses", {}, "a ****** b ******", "a ****** ****** b"),
        ("combination:repeat_prompt", {"prompt_to_repeat": "Say it"}, " say IT. It", '"Say it" It'),
        ("startend:end_checker", {"end_phrase": "Bye now!"}, '"Well. bye NOW!" ', "Bye now! :)"),
        ("startend:quotation", {}, ' "yes" ', '"'),
        ("startend:quotation", {}, '"a" or "b"', "'yes'"),
        (
            "change_case:capital_word_frequency",
            {"capital_frequency": 2, "capital_relation": "at least"},
            "A WELL-KNOWN cat",
            "WELL-KNOWN Cat",
        ),
        ("change_case:english_capital", {}, ENGLISH.upper(), RUSSIAN),
        ("change_case:english_lowercase", {}, ENGLISH, "le chat est dans la maison avec le chien"),
        ("change_case:english_lowercase", {}, ENGLISH, ENGLISH.title()),
        ("punctuation:no_comma", {}, "a; b", "a, b"),
    ],
)
def test_a_rule_of_ifeval(name: str, arguments: dict[str, Any], passes: str, fails: str) -> None:
    assert check(name, passes, **arguments)
    assert not check(name, fails, **arguments)


def test_all_rules_of_ifeval_are_there_and_of_speech_ifeval_no_others() -> None:
    assert len(IFEVAL_RULES) == 25
    assert IFEVAL_RULES.keys() == SPEECH_IFEVAL_RULES.keys()


@pytest.mark.parametrize(
    ("name", "arguments", "response"),
    [
        ("detectable_format:number_bullet_lists", {"num_bullets": 4}, "Here:\n* a\n - b\n• c\n1. d\n\t+ e"),
        ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a\n\n\nb\n"),
        ("length_constraints:number_paragraphs", {"num_paragraphs": 3}, "a\nb\n***\nc"),
        ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "\n \na\nb\n \n"),
        ("combination:repeat_prompt", {"prompt_to_repeat": "Answer:"}, '"answer: yes"'),
        ("combination:repeat_prompt", {"prompt_to_repeat": "Answer:"}, "'ANSWER: yes"),
        ("change_case:english_capital", {}, RUSSIAN),
        ("change_case:english_lowercase", {}, "le chat est dans la maison avec le chien"),
    ],
)
def test_speech_ifeval_allows_what_ifeval_does_not(name: str, arguments: dict[str, Any], response: str) -> None:
    assert speech(name, response, **arguments)
    assert not check(name, response, **arguments)


@pytest.mark.parametrize(("wanted", "passes"), [(1, False), (2, True), (3, False)])
def test_counts_of_bullets_and_paragraphs_are_exact(wanted: int, *, passes: bool) -> None:
    assert speech("detectable_format:number_bullet_lists", "- a\n- b", num_bullets=wanted) is passes
    assert speech("length_constraints:number_paragraphs", "a\n\nb", num_paragraphs=wanted) is passes


@pytest.mark.parametrize("case", ["change_case:english_capital", "change_case:english_lowercase"])
def test_a_text_without_letters_is_in_no_case(case: str) -> None:
    assert not speech(case, "123!")
    assert not check(case, "123!")


@pytest.mark.parametrize("response", ["", " \n\t"])
def test_an_empty_response_passes_nothing_not_even_what_forbids(response: str) -> None:
    assert not check("punctuation:no_comma", response)
    assert not check("keywords:forbidden_words", response, forbidden_words=["a"])
    assert not check("length_constraints:number_words", response, num_words=5, relation="less than")


def test_nested_json_without_end_is_no_json_and_no_crash() -> None:
    assert not check("detectable_format:json_format", "[" * 100_000)


@pytest.mark.parametrize(
    ("name", "arguments", "line"),
    [
        ("keywords:all", {}, "no rule for the constraint 'keywords:all'"),
        ("punctuation:no_comma", {"n": 1}, "punctuation:no_comma has no argument 'n'"),
        ("detectable_format:number_bullet_lists", {}, "lacks its argument 'num_bullets'"),
        ("detectable_format:number_bullet_lists", {"num_bullets": "3"}, "'num_bullets' is '3', want a whole number"),
        ("detectable_format:number_bullet_lists", {"num_bullets": True}, "'num_bullets' is True, want a whole number"),
        (
            "detectable_format:number_bullet_lists",
            {"num_bullets": -1},
            "'num_bullets' is -1, want a whole number from 0",
        ),
        ("detectable_format:number_bullet_lists", {"num_bullets": 2.5}, "'num_bullets' is 2.5, want a whole number"),
        ("length_constraints:number_words", {"num_words": 3, "relation": "about"}, "want one of at least, less than"),
        ("keywords:existence", {"keywords": []}, "'keywords' is [], want a list of texts"),
        ("keywords:existence", {"keywords": "sun"}, "'keywords' is 'sun', want a list of texts"),
        ("keywords:existence", {"keywords": ["("]}, "want a regular expression"),
        ("combination:repeat_prompt", {"prompt_to_repeat": " "}, "'prompt_to_repeat' is ' ', want a text"),
        ("language:response_language", {"language": "tlh"}, "'language' is 'tlh', want one of ar, bg"),
        (
            "keywords:letter_frequency",
            {"letter": "ab", "let_frequency": 1, "let_relation": "at least"},
            "'letter' is 'ab', want one character",
        ),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 3, "first_word": "a"},
            "'nth_paragraph' is 3, want at most the 2",
        ),
    ],
)
def test_an_unfit_constraint_is_one_line_that_says_where(name: str, arguments: dict[str, Any], line: str) -> None:
    with pytest.raises(SourceError) as caught:
        check(name, "text", **arguments)
    assert str(caught.value).startswith("here: ")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_null_arguments_and_whole_floats_are_what_tables_make_of_rows() -> None:
    arguments: dict[str, Any] = {"num_bullets": 2.0, "keyword": None, "relation": None}
    assert check("detectable_format:number_bullet_lists", "* a\n* b", **arguments)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"instruction_id_list": ["punctuation:no_comma"]}, "'kwargs' is no list of objects but None"),
        ({"instruction_id_list": ["punctuation:no_comma"], "kwargs": [1]}, "'kwargs' is no list of objects but [1]"),
        ({"instruction_id_list": ["punctuation:no_comma"], "kwargs": []}, "1 in 'instruction_id_list', but 0"),
        ({"instruction_id_list": ["x"], "kwargs": [{}]}, "no rule for the constraint 'x'"),
    ],
)
def test_a_row_with_unfit_constraints_is_one_line(values: dict[str, Any], line: str) -> None:
    with pytest.raises(SourceError) as caught:
        constraints_in(Row("file: line 3", values), IFEVAL_RULES)
    assert str(caught.value).startswith("file: line 3: ")
    assert line in str(caught.value)


@pytest.mark.parametrize(
    ("response", "strict", "loose"),
    [
        ("Sure!\n* a\n* b", True, True),
        ("* Sure!\n* a\n* b", False, True),
        ("* a\n* b\n* and so on", False, True),
        ("* Sure!\n* a\n* b\n* and so on", False, True),
        ("* Sure!\n* Well!\n* a\n* b\n* c", False, False),
        ("", False, False),
    ],
)
def test_loosely_a_first_and_a_last_line_may_be_too_many(response: str, *, strict: bool, loose: bool) -> None:
    constraint = Constraint(constraint_id="detectable_format:number_bullet_lists", arguments={"num_bullets": 2})
    (found,) = checks_of([constraint], IFEVAL_RULES, "here")
    assert (follows(found, response), follows_loosely(found, response)) == (strict, loose)


def test_loosely_asterisks_may_be_too_many() -> None:
    constraint = Constraint(constraint_id="combination:repeat_prompt", arguments={"prompt_to_repeat": "Say it"})
    (found,) = checks_of([constraint], IFEVAL_RULES, "here")
    assert not follows(found, "Sure:\n**Say** it")
    assert follows_loosely(found, "Sure:\n**Say** it")


def test_the_eight_loose_forms() -> None:
    assert loose_forms("a*\nb*\nc*") == ("a*\nb*\nc*", "b*\nc*", "a*\nb*", "b*", "a\nb\nc", "b\nc", "a\nb", "b")


def test_the_language_of_a_short_text_is_the_same_each_time() -> None:
    assert len({language_of("no comment at all") for _ in range(20)}) == 1


WORDS = st.text(alphabet="abcdefgh", min_size=1, max_size=6)
TEXTS = st.lists(WORDS, min_size=1, max_size=12).map(" ".join)


@given(st.lists(TEXTS, min_size=1, max_size=6), st.sampled_from(["* ", "- ", "• ", "12. ", "  * "]))
def test_a_list_has_as_many_bullets_as_it_was_given(lines: list[str], bullet: str) -> None:
    response = "\n".join(f"{bullet}{line}" for line in lines)
    assert speech("detectable_format:number_bullet_lists", response, num_bullets=len(lines))
    assert not speech("detectable_format:number_bullet_lists", f"{response}\n- z", num_bullets=len(lines))


@given(st.lists(TEXTS, min_size=1, max_size=6), st.sampled_from(["\n", "\n\n", "\n***\n", " *** "]))
def test_paragraphs_are_as_many_as_were_joined(parts: list[str], divider: str) -> None:
    assert speech("length_constraints:number_paragraphs", divider.join(parts), num_paragraphs=len(parts))
    assert not speech("length_constraints:number_paragraphs", divider.join([*parts, "z"]), num_paragraphs=len(parts))


@given(TEXTS, WORDS)
def test_a_forbidden_word_breaks_what_was_right(text: str, word: str) -> None:
    forbidden = f"{word}z"
    assert check("keywords:forbidden_words", text, forbidden_words=[forbidden])
    assert not check("keywords:forbidden_words", f"{text} {forbidden.upper()}!", forbidden_words=[forbidden])
    assert check("keywords:existence", f"{text}{forbidden}", keywords=[forbidden])


@given(st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner, max_size=3)))
def test_json_is_json_in_any_fence_and_not_with_words_before_it(value: Any) -> None:
    text = json.dumps(value)
    for fenced in (text, f"```json\n{text}\n```", f" ```{text}```\n"):
        assert check("detectable_format:json_format", fenced)
    assert not check("detectable_format:json_format", f"Sure: {text}")


@given(TEXTS, TEXTS)
def test_what_begins_and_ends_in_the_wanted_way_passes_in_any_case(text: str, phrase: str) -> None:
    assert speech("combination:repeat_prompt", f'"{phrase.upper()} {text}', prompt_to_repeat=phrase)
    assert speech("startend:end_checker", f'{text} {phrase.upper()}"', end_phrase=phrase)
    assert not speech("startend:end_checker", f"{text} {phrase}z", end_phrase=phrase)
