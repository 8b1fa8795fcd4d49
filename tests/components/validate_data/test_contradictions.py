"""Which answers contradict their description; many of these come from the embedded backbone."""

import pytest

from components.validate_data.contradictions import contradiction

LOW = "[00:00-00:02] (Sound event: bull, Caption: A bull, Pitch: low, Loudness: loud)"
WOMAN = "[00:00-00:03] Please hold the line. (Gender: female, Accent: Italian, Pitch: medium, Speaking rate: fast)"
MAN = "[00:00-00:03] Please hold the line. (Gender: male, Pitch: low)"
BOTH = "[00:00-00:02] Hello. (Gender: female)\n[00:02-00:03] Hi. (Gender: male)"


@pytest.mark.parametrize(
    ("response", "description", "said"),
    [
        ("The sound of a bull is a loud, high-pitched noise.", LOW, "'high-pitched' against pitch: low"),
        ("The sound is high in pitch.", LOW, "'high in pitch' against pitch: low"),
        ("The speaker sounds like a man.", WOMAN, "'speaker sounds like a man' against gender: female"),
        ("The voice is male.", WOMAN, "'voice is male' against gender: female"),
        ("The sound of a woman's voice.", MAN, '"woman\'s voice" against gender: male'),
        ("A young man is speaking.", WOMAN, "'A young man is speaking' against gender: female"),
        ("Someone speaking very slowly.", WOMAN, "'speaking very slowly' against speaking rate: fast"),
    ],
)
def test_the_opposite_of_an_attribute_is_found(response: str, description: str, said: str) -> None:
    assert contradiction(response, description, "What do you hear?") == said


@pytest.mark.parametrize(
    ("response", "description", "heard"),
    [
        ("A deep, low-pitched bellow.", LOW, ""),
        ("It goes from low in pitch to high in pitch.", LOW, ""),
        ("The voice is male.", WOMAN, "Is the voice is male or not?"),
        ("A woman says that a man called.", WOMAN, ""),
        ("She says that the caller is male.", WOMAN, ""),
        ("The main point is the romanticised portrayal of Italy's female characters.", MAN, ""),
        ("A man is speaking.", BOTH, ""),
        ("A man is speaking.", "[00:00-00:03] (Gender: other)", ""),
        ("A high-pitched voice.", WOMAN, ""),
        ("A man is speaking.", "[00:00-00:03] Hello.", ""),
    ],
)
def test_what_may_be_meant_otherwise_is_no_contradiction(response: str, description: str, heard: str) -> None:
    assert contradiction(response, description, heard) is None
