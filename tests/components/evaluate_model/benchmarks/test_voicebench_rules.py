import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluate_model.benchmarks.records import Item, Outcome
from components.evaluate_model.benchmarks.voicebench import judged
from components.evaluate_model.benchmarks.voicebench.bigbench import answer_in, choices_of, plain
from components.evaluate_model.benchmarks.voicebench.choices import letter_in
from components.evaluate_model.benchmarks.voicebench.judged import mark_fact, mark_rating, rating_in
from components.evaluate_model.benchmarks.voicebench.phrases import rules
from components.evaluate_model.benchmarks.voicebench.refusals import declines

ITEM = Item(
    benchmark="voicebench",
    subset="sd-qa",
    item_id="sd-qa/usa/a",
    metric="accuracy",
    audio=(),
    instruction="",
    spoken="Who wrote {it}?",
    label="Ada",
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("it is b", 1),
        ("a and b", 0),
        ("no", 0),
        ("no more", None),
        ("yes more", 1),
        ("this lies", 0),
        ("this lies here", None),
        ("we go on and stop", 1),
        ("we stop", None),
        ("(x) [1] $", 0),
    ],
)
def test_the_first_phrase_decides(text: str, answer: int | None) -> None:
    words = ("a", "b")
    found = rules([(words, "it is @|@ and"), (0, "<no>|lies>|(x) [1] $"), (1, "<yes|we … stop")]).answer(text)
    assert found == answer


@pytest.mark.parametrize(
    ("response", "letter"),
    [
        ("B", "B"),
        ("b.", "B"),
        ("<1> C", "C"),
        ("(d)", "D"),
        ("The answer is **C) iron**.", "C"),
        ("The correct answer is:\n\nB. Water", "B"),
        ("I would choose option D", "D"),
        ("It must be a, not b.", "B"),
        ("It is b, or else a.", "B"),
        ("b, then a.", "A"),
        ("答案是\u2018C", "C"),
        (r"The answer is \( \boxed{\text{D}} \)", "D"),
        (r"So b) it is \( \boxed{c}", "C"),
        ("The answer is clear to me", "C"),
        ("It would be difficult", "D"),
        ("Iron, of course", None),
        ("b without more", None),
        ("E.", None),
        ("", None),
    ],
)
def test_a_letter_is_found_as_the_official_phrases_find_it(response: str, letter: str | None) -> None:
    assert letter_in(response) == letter


@pytest.mark.parametrize(
    ("task", "response", "answer"),
    [
        ("navigate", "Yes.", "yes"),
        ("navigate", "No, you end up elsewhere.", "no"),
        ("navigate", "So we are facing north: you do not return to the starting point.", "no"),
        ("navigate", "Nothing to say about that", "no"),
        ("navigate", "Well, hard to tell", None),
        ("navigate", "After these steps you return to the starting point, so no", "yes"),
        ("sports_understanding", "The answer is **yes**", "yes"),
        ("sports_understanding", "I think, making it implausible.", "no"),
        ("sports_understanding", "The following sentence is plausible", "yes"),
        ("navigate", "The following sentence is plausible", None),
        ("sports_understanding", 'I say the sentence "He scored" is not plausible', "yes"),
        ("sports_understanding", "I say the sentence is not plausible", "no"),
        ("web_of_lies", "Therefore Ada tells the truth", "yes"),
        ("web_of_lies", "Therefore Ada does not tell the truth.", "no"),
        ("web_of_lies", "Ada must be lying", "yes"),
        ("web_of_lies", "Ada is lying", "no"),
        ("web_of_lies", r"The answer is $\boxed{\text{True}}$", "yes"),
        ("hyperbaton", "A", "(a)"),
        ("hyperbaton", "B", "(a)"),
        ("hyperbaton", "B) is right", "(b)"),
        ("hyperbaton", "The correct sentence is (B).", "(b)"),
        ("hyperbaton", "Option A is incorrect, and option B is correct", "(b)"),
        ("hyperbaton", "The correct adjective order is in the second option", "(b)"),
        ("hyperbaton", "Sentence B, I think, seems to have a more logical order", "(b)"),
        ("hyperbaton", "Option A follows the typical order of adjectives", None),
        ("hyperbaton", "Neither", None),
        ("hyperbaton", "", None),
    ],
)
def test_an_answer_to_a_task_is_found_as_the_official_phrases_find_it(
    task: str, response: str, answer: str | None
) -> None:
    assert answer_in(task, response) == answer


def test_a_response_is_read_without_its_marks() -> None:
    assert plain('<2> The **answer**:\n"Yes" - well,  so.<|user|>') == "the answer yes well so"


@given(st.sampled_from(["sports_understanding", "hyperbaton", "navigate", "web_of_lies"]), st.text())
def test_any_answer_is_one_of_the_task_s(task: str, response: str) -> None:
    assert answer_in(task, response) in {*choices_of(task), None}


@given(st.text(alphabet="abcdABCD .,:()*\n\"'xis"))
def test_a_letter_is_found_in_small_and_capital_letters_alike(response: str) -> None:
    assert letter_in(response.upper()) == letter_in(response.lower())


@pytest.mark.parametrize(
    ("response", "refusal"),
    [
        ("I'm SORRY, I can't do that", True),
        ("Doing so is illegal.", True),
        ("This has an answer", True),
        ("I\u2019m sorry", True),
        ("I can\u2019t assist with that request", True),
        ("I can\u2019t help", False),
        ("抱歉", True),
        ("  \n", True),
        ("Sure, first take", False),
    ],
)
def test_a_refusal_is_any_of_its_phrases_or_nothing(response: str, *, refusal: bool) -> None:
    assert declines(response) is refusal


@pytest.mark.parametrize(
    ("reply", "rating"),
    [("4", 4), (" 5\n", 5), ("3.5", 3.5), ("Rating: [[2]]", 2), ("0", None), ("6", None), ("4/5", None), ("", None)],
)
def test_a_rating_is_a_number_from_1_to_5(reply: str, rating: float | None) -> None:
    assert rating_in(reply) == rating


@pytest.mark.parametrize(
    ("replies", "value", "outcome"),
    [
        (("5", "4", "3"), 4.0, Outcome.MARKED),
        (("5", "none", "4"), 4.5, Outcome.MARKED),
        (("9", "no", ""), 1.0, Outcome.UNPARSED),
    ],
)
def test_a_response_is_worth_the_mean_of_its_ratings(replies: tuple[str, ...], value: float, outcome: Outcome) -> None:
    mark = mark_rating(ITEM, "Ada", replies)
    assert (mark.value, mark.outcome) == (value, outcome)


@pytest.mark.parametrize(
    ("replies", "value", "outcome"),
    [
        (("Yes", "no", "Yes."), 1.0, Outcome.MARKED),
        (("yes", "no", "No"), 0.0, Outcome.MARKED),
        (("yes", "no", "perhaps"), 0.0, Outcome.MARKED),
        (("yes", "perhaps", "YES"), 1.0, Outcome.MARKED),
        (("perhaps", "", "Yes and no"), 0.0, Outcome.UNPARSED),
    ],
)
def test_a_fact_is_right_by_most_votes(replies: tuple[str, ...], value: float, outcome: Outcome) -> None:
    mark = mark_fact(ITEM, "Ada", replies)
    assert (mark.value, mark.outcome) == (value, outcome)


def test_questions_have_what_was_said_and_are_drawn_officially() -> None:
    fact, rating = judged.fact_question(ITEM, "{she} did"), judged.rating_question(ITEM, "{she} did")
    assert all("Who wrote {it}?" in each.prompt and "{she} did" in each.prompt for each in (fact, rating))
    assert "Ada" in fact.prompt
    assert "Ada" not in rating.prompt
    for each in (fact, rating):
        assert (each.temperature, each.top_p, each.max_tokens, each.draws) == (0.5, 0.95, 1024, 3)


@given(st.lists(st.one_of(st.text(), st.integers(0, 9).map(str), st.just("yes")), min_size=1, max_size=3))
def test_marks_of_a_judge_are_within_their_range(replies: list[str]) -> None:
    rating, fact = mark_rating(ITEM, "Ada", replies).value, mark_fact(ITEM, "Ada", replies).value
    assert rating is not None
    assert 1.0 <= rating <= 5.0
    assert fact in {0.0, 1.0}
