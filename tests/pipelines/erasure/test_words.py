"""Words are found in bytes wherever they stand, few or many of them, also one within another."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.erasure.searching import Words

MANY = tuple(bytes(letters) for length in (3, 4, 5) for letters in product(b"ab", repeat=length))
ALIKE = tuple(b"The clip has " + bytes(letters) for letters in product(b"abcd", repeat=3))


def found(words: tuple[bytes, ...], text: bytes) -> set[bytes]:
    return set(Words(words).standing_in(text))


@given(
    words=st.sets(st.text("ab", min_size=1, max_size=7).map(str.encode), min_size=41, max_size=90),
    text=st.text("abc", max_size=120).map(str.encode),
)
def test_many_words_are_found_as_each_alone(words: set[bytes], text: bytes) -> None:
    assert found(tuple(words), text) == {word for word in words if word in text}


@pytest.mark.parametrize("words", [MANY, MANY[:3], ALIKE, (*ALIKE, *ALIKE, b"")])
@pytest.mark.parametrize("text", [b"", b"ab", b"xxabbabxx", b"The clip has abc", b"The clip has ab", MANY[-1]])
def test_words_that_begin_alike_are_told_apart(words: tuple[bytes, ...], text: bytes) -> None:
    assert found(words, text) == {word for word in words if word and word in text}


@pytest.mark.parametrize("place", [0, 2**20 - 3, 2**20, 3 * 2**20 - 16])
def test_a_word_across_two_pieces_is_found(place: int) -> None:
    text = bytearray(b"." * 3 * 2**20)
    text[place : place + 16] = ALIKE[5]
    assert found(ALIKE, bytes(text)) == {ALIKE[5]}
