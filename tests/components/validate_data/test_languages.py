"""What tells that an answer is in another language, on answers of the embedded backbone where it could be had."""

import pytest

from components.validate_data.languages import foreign_letters, function_words
from components.validate_data.policy import POLICIES

LIMITS = POLICIES.standard().rules.limits("speech", None)
ASKED = "Sum up this recording in a single sentence."
SPANISH = "El poeta este a la ciela, en este camino, en este lado, en este lado."
ITALIAN = "Il mio amico è il mio amico di Roma."


@pytest.mark.parametrize("response", [SPANISH, ITALIAN])
def test_a_long_answer_in_another_language_has_too_few_english_words(response: str) -> None:
    share = function_words(response, ASKED, "Por favor")
    assert share is not None
    assert share < LIMITS["min_function_words"]


@pytest.mark.parametrize(
    "response",
    [
        "A single hit on a floor tom drum.",
        "The angry person delivers a message in a normal English sentence.",
        "The news presenter introduces a clip of a news broadcast featuring a news report on a sports team.",
        "Acoustic: A musical instrument, such as a guitar or violin.",
        "I'm a spy. I'm sending headquarters a report on one sentence.",
    ],
)
def test_english_with_few_small_words_has_enough_of_them(response: str) -> None:
    share = function_words(response, ASKED, None)
    assert share is not None
    assert share >= LIMITS["min_function_words"]


@pytest.mark.parametrize(
    ("response", "prompt", "transcript"),
    [
        ("Un perro ladra.", ASKED, None),
        ("", ASKED, None),
        (SPANISH, "¿Qué dice la persona en este mensaje?", None),
        (SPANISH, ASKED, SPANISH),
    ],
)
def test_where_nothing_can_be_told_nothing_is_said(response: str, prompt: str, transcript: str | None) -> None:
    assert function_words(response, prompt, transcript) is None


@pytest.mark.parametrize(
    ("response", "heard", "share"),
    [
        ("Собака лает", "What is it?", 1.0),
        ("dog собак", "What is it?", 0.625),
        ("Собака лает", "Кто это?", 0.0),
        ("犬が吠える", "犬です", 0.0),
        ("Élan, naïve, Ångström", "What is it?", 0.0),
        ("5 🐶 …", "What is it?", 0.0),
        ("", "", 0.0),
    ],
)
def test_letters_of_a_script_that_was_not_heard_are_foreign(response: str, heard: str, share: float) -> None:
    assert foreign_letters(response, heard) == share
