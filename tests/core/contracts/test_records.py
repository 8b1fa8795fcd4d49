import pytest
from pydantic import ValidationError

from components.core.contracts.records import DescribedSegment
from tests.builders import make_description


@pytest.mark.parametrize("told_by", [{}, {"gender": "corpus", "age": "corpus"}, {"age": "corpus"}])
def test_every_told_attribute_has_a_teller_and_every_teller_tells(told_by: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"attribute '(gender|age)': want a value and who tells it"):
        make_description(attributes={"gender": "female"}, told_by=told_by)


def test_the_attributes_of_a_segment_have_tellers_too() -> None:
    with pytest.raises(ValidationError, match="attribute 'speaker': want a value and who tells it"):
        DescribedSegment(
            start_s=0.0,
            end_s=1.0,
            transcript="Hello there.",
            transcript_by="corpus",
            pitch_hz=None,
            speaking_rate_wpm=None,
            attributes={"speaker": "A"},
            told_by={},
        )
