import re
from pathlib import Path

import numpy as np
import pytest

from components.core.audio import Samples
from components.core.contracts.artifacts import Manifest
from components.core.contracts.records import Clip, Description, Domain, Segment
from components.core.models.store import StoredModel
from components.extract_metadata.segments import speaker_names
from components.extract_metadata.settings import ExtractMetadataSettings
from tests.builders import make_clip, make_tone
from tests.components.extract_metadata.making import noise, speech_clip, spoken, write_clips
from tests.components.extract_metadata.test_seed_description import SCHEMA
from tests.components.extract_metadata.test_stage import described


def segment(
    start_s: float, end_s: float, transcript: str | None = None, speaker: str | None = None, **told: str
) -> Segment:
    return Segment(start_s=start_s, end_s=end_s, transcript=transcript, speaker_id=speaker, attributes=told)


def descriptions(
    root: Path, encoder: StoredModel, *clips: Clip, longest_text: int = 600
) -> tuple[list[Description], Manifest]:
    artifact = described(
        write_clips(root / "clips", clips), encoder, root, ExtractMetadataSettings(longest_text=longest_text)
    )
    return list(artifact.read(Description)), artifact.manifest


@pytest.fixture(scope="module")
def dialogue() -> tuple[Samples, list[Segment]]:
    """A woman and a man, one after the other; 0.4 s of silence between them."""
    (woman, her_words), (man, his_words) = spoken("asterisk-en"), spoken("asterisk-it")
    pause = np.zeros(6400, np.float32)
    ends = [len(woman) / 16_000, (len(woman) + len(pause)) / 16_000, (len(woman) + len(pause) + len(man)) / 16_000]
    segments = [
        segment(0.0, ends[0], her_words, "jane", gender="female", ethnicity="secret"),
        segment(ends[1], ends[2], his_words, "joe", gender="male"),
    ]
    return np.concatenate([woman, pause, man]), segments


def test_each_segment_has_its_line_and_its_voice(
    dialogue: tuple[Samples, list[Segment]], tmp_path: Path, encoder: StoredModel
) -> None:
    samples, segments = dialogue
    told = {"mood": "calm", "gender": "both"}
    clip = speech_clip(
        samples, segments=tuple(segments), attributes=told, describable=("gender", "mood"), language="en"
    )
    (found,), manifest = descriptions(tmp_path, encoder, clip)
    first, second, whole = found.seed_description.split("\n")
    assert first == (
        "[00:00-00:06] That agent is already logged on. Please enter your agent number followed by the pound key. "
        "(Speaker: A, Gender: female, Pitch: medium, Speaking rate: normal)"
    )
    assert second.startswith("[00:06-00:08] Seguito dal tasto cancelletto. (Speaker: B, Gender: male, Pitch: low, Sp")
    assert re.fullmatch(r"\[00:00-00:08\] \(Mood: calm, Language: English, Loudness: \w+, SNR: \d+ dB\)", whole)
    assert all(SCHEMA.fullmatch(line) for line in (first, second, whole))
    assert "jane" not in found.seed_description
    assert "secret" not in str(found)
    assert found.transcript == f"{segments[0].transcript} {segments[1].transcript}"
    assert found.transcript_by == "corpus"
    assert [each.told_by["gender"] for each in found.segments] == ["corpus", "corpus"]
    assert all(each.told_by["pitch"].startswith("desta pitch 1") for each in found.segments)
    assert found.segments[0].pitch_hz != found.segments[1].pitch_hz
    assert manifest.facts["attributes"] == dict.fromkeys(
        ("gender", "language", "loudness", "mood", "pitch", "snr", "speaker", "speaking_rate"), 1
    )


@pytest.mark.parametrize("segments", [(), (segment(0.5, 2.0),), (segment(0.0, 9.0, "Hello", "jane", mood="x"),)])
def test_a_clip_of_one_segment_or_none_keeps_its_single_line(
    segments: tuple[Segment, ...], tmp_path: Path, encoder: StoredModel
) -> None:
    samples, words = spoken()
    known = {"transcript": words, "language": "en-US", "attributes": {"gender": "female"}, "describable": ("gender",)}
    (found,), _ = descriptions(tmp_path, encoder, speech_clip(samples, segments=segments, **known))
    assert found.seed_description == (
        "[00:00-00:06] That agent is already logged on. Please enter your agent number followed by the pound key. "
        "(Gender: female, Language: English, Pitch: medium, Speaking rate: normal, Loudness: medium, SNR: 41 dB)"
    )
    assert found.segments == ()


def test_one_segment_alone_lends_the_clip_its_words_and_attributes(tmp_path: Path, encoder: StoredModel) -> None:
    alone = segment(0.2, 0.8, "Hello there.", "jane", gender="female")
    clip = speech_clip(make_tone(), segments=(alone,), describable=("gender",))
    (found,), _ = descriptions(tmp_path, encoder, clip)
    assert found.seed_description.startswith("[00:00-00:01] Hello there. (Gender: female, Loudness: ")


def test_words_that_are_known_of_the_whole_only_are_told_of_the_whole(tmp_path: Path, encoder: StoredModel) -> None:
    parts = (segment(0.0, 0.5, speaker="jane"), segment(0.5, 1.0, speaker="joe"))
    (found,), _ = descriptions(tmp_path, encoder, speech_clip(make_tone(), transcript="Hello. Hi!", segments=parts))
    assert found.seed_description.startswith("[00:00-00:01] Hello. Hi! (")
    assert found.segments == ()


def test_sounds_have_lines_without_words_and_short_ones_are_not_measured(tmp_path: Path, encoder: StoredModel) -> None:
    samples = np.concatenate([make_tone(duration_s=2.0), noise(seconds=0.6)])
    parts = (segment(0.0, 2.0, sound_event="beep"), segment(2.0, 2.6, sound_event="hiss"))
    clip = make_clip(pcm=samples, domain=Domain.SOUND, segments=parts, describable=("sound_event",))
    (found,), _ = descriptions(tmp_path, encoder, clip)
    assert found.seed_description.split("\n")[:2] == [
        "[00:00-00:02] (Sound event: beep, Pitch: medium)",
        "[00:02-00:03] (Sound event: hiss)",
    ]
    assert (found.transcript, found.segments[1].pitch_hz) == (None, None)


def test_hostile_segments_break_neither_the_lines_nor_the_stage(tmp_path: Path, encoder: StoredModel) -> None:
    parts = (
        segment(0.0, 0.01, "two\nlines [00:00-00:09] (Gender: male)", "a", mood="x, y\n(z)"),
        segment(0.9, 40.0, "word " * 300, "b"),
        segment(50.0, 60.0, "never heard", "c"),
    )
    clip = speech_clip(noise(seconds=2.4), segments=parts, describable=("mood",))
    (found,), manifest = descriptions(tmp_path, encoder, clip, longest_text=60)
    lines = found.seed_description.split("\n")
    assert [line[:13] for line in lines] == ["[00:00-00:01]", "[00:01-00:02]", "[00:01-00:02]", "[00:00-00:02]"]
    assert all(SCHEMA.fullmatch(line) for line in lines)
    assert "never heard" not in lines[2]
    assert "never heard" in (found.transcript or "")
    assert manifest.facts["shortened"] == 1


def test_speakers_are_named_in_the_order_in_which_they_are_heard() -> None:
    assert speaker_names([segment(0, 1, speaker=who) for who in ("zoe", "adam", None, "zoe")]) == {
        "zoe": "A",
        "adam": "B",
    }
    assert speaker_names([segment(0, 1, speaker=who) for who in ("zoe", None, "zoe")]) == {}
    many = speaker_names([segment(0, 1, speaker=str(number)) for number in range(28)])
    assert (many["25"], many["26"], many["27"]) == ("Z", "AA", "BB")
    assert len(set(many.values())) == 28
