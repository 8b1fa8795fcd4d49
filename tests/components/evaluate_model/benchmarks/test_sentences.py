import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluate_model.benchmarks.instructions.sentences import capital_words_in, sentences_of, words_in


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("no full stop", 1),
        ("It rains. it pours.", 2),
        ("Mr. Smith met Dr. Who at St. Mary's.", 1),
        ("Use fruit, e.g. Apples. Eat them.", 2),
        ("It costs 3.50 or 4. It is cheap.", 2),
        ("On the 3. of May.", 1),
        ("In the Act of 1862. It was futile.", 2),
        ("See No. 5 for it. I said no. He left.", 3),
        ("At 5 p.m. He left at 6 p.m. with J. R. Smith.", 2),
        ("He works for Acme Inc. in the U.S. Army.", 1),
        ("Well... maybe. Well... Maybe.", 3),
        ('"Stop!" he said. (She did.) "Why?" Nobody knew.', 5),
        ("**Yes.** No.", 2),
        ("line\nline\n\nline", 1),
        ("Really?! Yes!! No", 3),
        ("e.g.", 1),
    ],
)
def test_sentences_are_counted_by_rules(text: str, count: int) -> None:
    assert len(sentences_of(text)) == count


def test_words_and_capital_words() -> None:
    assert words_in("It's well-known: 3.5!") == ["It", "s", "well", "known", "3", "5"]
    assert capital_words_in("I DON'T know TV's COVID-19, A,B or U.S. Law... STOP--NOW") == [
        *("I", "DO", "N'T", "TV", "COVID-19", "A", "B", "U.S", "STOP", "NOW"),
    ]


WORDS = st.text(alphabet="abcdefgh", min_size=1, max_size=6)


@given(st.lists(st.lists(WORDS, min_size=1, max_size=8).map(" ".join).map(str.capitalize), min_size=1, max_size=6))
def test_plain_sentences_are_counted_and_kept(parts: list[str]) -> None:
    sentences = tuple(f"{part}z." for part in parts)
    assert sentences_of(" ".join(sentences)) == sentences


@given(st.text(alphabet="aB. !?*\"'\n1", max_size=40))
def test_no_character_is_lost_between_sentences(text: str) -> None:
    assert "".join("".join(sentences_of(text)).split()) == "".join(text.split())
