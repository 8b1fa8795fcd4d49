import pytest

from components.extract_metadata.written_form import written_form


@pytest.mark.parametrize(
    ("given", "form"),
    [
        ("HE SAID I AM HERE", "He said I am here"),
        ("ÉTÉ ET HIVER", "Été et hiver"),
        ("M I S D N", "M I S D N"),
        ("NASA", "NASA"),
        ("NASA called.", "NASA called."),
        ("so <unk> [LAUGHTER] we {breath} went", "so we went"),
        ("five < six and seven > three", "five < six and seven > three"),
        ("[more than forty characters are text and no tag]", "[more than forty characters are text and no tag]"),
        ("cafe\u0301", "caf\u00e9"),
        ("  two\n lines ", "two lines"),
        ("你好 世界", "你好 世界"),
        ("", ""),
    ],
)
def test_a_transcript_has_one_form(given: str, form: str) -> None:
    assert written_form(given) == form
