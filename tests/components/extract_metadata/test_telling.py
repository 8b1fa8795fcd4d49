import pytest

from components.core.contracts.records import Clip, Domain
from components.extract_metadata.heard import HeardClip
from components.extract_metadata.telling import told_of_clip, told_of_part, told_of_whole
from tests.builders import make_clip, make_measurements
from tests.components.extract_metadata.making import noise

TOOLS = {"pitch_hz": "desta pitch 1", "speaking_rate_wpm": "desta rate 1", "loudness_lufs": "BS", "snr_db": "desta snr"}
MEASURED = make_measurements(pitch_hz=230.0, speaking_rate_wpm=150.0, loudness_lufs=-10.0, snr_db=20.0, tools=TOOLS)


def heard(clip: Clip, language_by: str = "corpus") -> HeardClip:
    return HeardClip(clip, noise(seconds=0.1), [], language_by)


def spoken(**attributes: str) -> Clip:
    return make_clip(domain=Domain.SPEECH, language="fr", attributes=attributes, describable=tuple(attributes))


@pytest.mark.parametrize("by", ["corpus", f"asr:{'a' * 64}"])
def test_each_attribute_knows_who_said_it(by: str) -> None:
    told = told_of_clip(heard(spoken(gender="female", Pitch="very high"), by), MEASURED)
    assert {name: each.by for name, each in told.items()} == {
        "gender": "corpus",
        "Pitch": "corpus",
        "language": by,
        "speaking_rate": "desta rate 1",
        "loudness": "BS",
        "snr": "desta snr",
    }


def test_the_whole_clip_does_not_repeat_its_parts_and_has_no_voice_of_its_own() -> None:
    told = told_of_whole(heard(spoken(gender="female", mood="calm")), MEASURED, {"gender", "speaker"})
    assert list(told) == ["mood", "language", "loudness", "snr"]


def test_what_the_corpus_says_of_the_whole_is_not_measured_on_a_part() -> None:
    words = {"pitch": "low", "speaking_rate": "fast"}
    told = told_of_part(spoken(gender="male"), spoken(pitch="high"), "A", words, TOOLS)
    assert {name: each.value for name, each in told.items()} == {
        "speaker": "A",
        "gender": "male",
        "speaking_rate": "fast",
    }
    assert {each.by for each in told.values()} == {"corpus", "desta rate 1"}


def test_a_speaker_that_the_corpus_may_name_is_not_named_twice() -> None:
    part = spoken(Speaker="the host")
    assert list(told_of_part(part, part, "B", {}, TOOLS)) == ["Speaker"]
