import pytest

from components.core.contracts.records import Message
from components.core.conversation import audio_conversation
from components.core.digests import digest_of_bytes
from components.validate_data.measures import (
    audio_places,
    compression,
    copied_attributes,
    repeated_share,
    same_words,
    time_stamp_excess_s,
    visible_characters,
)
from components.validate_data.policy import POLICIES

LIMITS = POLICIES.standard().rules.limits("sound", None)
SEED_DESCRIPTION = "[00:00-00:05] Hello: there. (Gender: female, Pitch: high, Speaking rate: fast)"

# Answers of the embedded backbone, near-greedy, at most 40 tokens.
LOOPS = (
    "The mood of this piece is a mix of a mix of a mix of a mix of a mix of a mix of a mix of a mix of a mix of a mix",
    "This is a sound event. It's a sound event, and it's a warning. It's a sound event, and it's a warning.",
    "The vulture is a creature of the night, a creature of the night. It is a creature of the night.",
    (
        "The audio clip is a recording of a bicycle bell, and the audio is a sound event. The audio is a sound event, "
        "and the audio is a sound event."
    ),
)
SOUND_ANSWERS = (
    (
        "This instrument is a great example of how technology can be used to enhance the learning process. "
        "It's a great example of how technology can be used to make learning more accessible and engaging."
    ),
    "The tone of voice used is a mix of a friendly and professional tone, with a hint of a friendly tone.",
    "The sound of a chimpanzee is a sound that is loud and clear, with a high-pitched rumble.",
)


@pytest.mark.parametrize("response", LOOPS)
def test_answers_that_loop_are_above_the_limit(response: str) -> None:
    assert repeated_share(response) > LIMITS["max_repeated_share"]


@pytest.mark.parametrize(
    "response", [*SOUND_ANSWERS, "Tick tock, tick tock, tick tock.", "Woof, woof, woof!", "", "Yes."]
)
def test_answers_that_repeat_a_phrase_are_below_both_limits(response: str) -> None:
    assert repeated_share(response) <= LIMITS["max_repeated_share"]
    assert compression(response) <= LIMITS["max_compression"]


@pytest.mark.parametrize("response", ["ha" * 40, "汪" * 40, "ーー" * 40])
def test_loops_without_spaces_can_be_compressed(response: str) -> None:
    assert compression(response) > LIMITS["max_compression"]


def test_a_text_without_any_order_cannot_be_compressed() -> None:
    digits = "".join(digest_of_bytes(bytes([number])) for number in range(256))
    assert compression(digits) < 2


@pytest.mark.parametrize("text", ["", " \n\t", "...", "\N{ZERO WIDTH SPACE}", "\x00\x00", "«—»", "\N{SOFT HYPHEN}"])
def test_spaces_marks_and_controls_say_nothing(text: str) -> None:
    assert visible_characters(text) == 0


@pytest.mark.parametrize("text", ["5", "да", "汪", "🐶", "a\x00", "°"])
def test_letters_digits_and_symbols_say_something(text: str) -> None:
    assert visible_characters(text) == 1 if text != "да" else 2


@pytest.mark.parametrize(
    ("response", "copied"),
    [
        ("(Gender: female, Pitch: high)", 2),
        ("gender:  female", 1),
        ("The GENDER: FEMALE is clear.", 1),
        ("A woman with a high pitch speaks fast.", 0),
        ("Hello: there.", 0),
        ("Gender: unknown", 0),
    ],
)
def test_only_pairs_as_written_count_as_copied(response: str, copied: int) -> None:
    assert copied_attributes(response, SEED_DESCRIPTION) == copied


def test_a_description_without_attributes_cannot_be_copied() -> None:
    assert copied_attributes("Hello.", "Hello.") == 0


@pytest.mark.parametrize(
    ("seed_description", "excess_s"),
    [
        ("[00:00-00:05] Hello. (Pitch: high)", 1.5),
        ("[00:00-00:02] Hello.\n[00:02-01:04] Bye.", 60.5),
        ("[00:00-00:02] Hello.", -1.5),
        ("Hello.", None),
    ],
)
def test_the_last_time_stamp_is_compared_with_the_end_of_the_clip(
    seed_description: str, excess_s: float | None
) -> None:
    assert time_stamp_excess_s(seed_description, 3.5) == excess_s


def test_answers_that_differ_in_case_and_punctuation_have_the_same_words() -> None:
    assert same_words("A dog,  barking!") == same_words("a dog barking")
    assert same_words("A dog barks.") != same_words("A dog barked.")


def test_the_conversation_of_the_project_has_one_place_for_audio() -> None:
    conversation = audio_conversation("What do you hear?")
    assert audio_places(conversation) == 1
    assert audio_places((*conversation, Message(role="user", content="<|AUDIO|><|AUDIO|>"))) == 3
