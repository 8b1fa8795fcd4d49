import pytest

from components.core.languages import name_of


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("fr", "French"),
        ("fr-CA", "French"),
        ("pt_BR", "Portuguese"),
        ("EN", "English"),
        ("no", "Norwegian"),
        ("gd", "Scottish Gaelic"),
        ("zu", "Zulu"),
        ("af", "Afrikaans"),
        ("Klingon", "Klingon"),
    ],
)
def test_a_language_is_called_by_its_english_name(tag: str, name: str) -> None:
    assert name_of(tag) == name
