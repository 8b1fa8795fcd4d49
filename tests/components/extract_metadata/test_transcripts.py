import re
from typing import Any

import numpy as np
import pytest

from components.core.contracts.records import Domain
from components.core.models.store import StoredModel
from components.core.models.whisper import Whisper
from components.core.voice_detector import Span
from components.extract_metadata.heard import HeardClip
from components.extract_metadata.settings import ExtractMetadataSettings
from components.extract_metadata.transcripts import Transcript, Transcripts, together
from tests.components.extract_metadata.making import noise, speech_clip, spoken

SPEAKS = [Span(0, 16_000)]


def made(encoder: StoredModel, **settings: Any) -> Transcripts:
    given = ExtractMetadataSettings(**settings)
    return Transcripts(Whisper(encoder, batch=given.asr_batch, max_tokens=given.max_asr_tokens), given)


@pytest.fixture(scope="module")
def transcripts(encoder: StoredModel) -> Transcripts:
    return made(encoder, asr_batch=2)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def test_whisper_writes_down_what_no_one_did_and_the_order_stays(
    transcripts: Transcripts, encoder: StoredModel
) -> None:
    heard, told = [], []
    for number in range(3):
        samples, transcript = spoken(number=number)
        heard.append(HeardClip(speech_clip(samples, language="en-US"), samples, SPEAKS))
        told.append(transcript)
    own = HeardClip(speech_clip(noise(), transcript="as the corpus has it"), noise(), SPEAKS)
    found = transcripts.of([heard[0], own, *heard[1:]])
    assert found[1] == Transcript("as the corpus has it", "corpus")
    written = [transcript for transcript in (found[0], *found[2:]) if transcript]
    assert [words(transcript.text) for transcript in written] == [words(text) for text in told]
    assert {transcript.by for transcript in written} == {f"asr:{encoder.digest}"}


def test_the_corpus_s_words_are_told_in_one_written_form(encoder: StoredModel) -> None:
    clip = speech_clip(noise(), transcript="HE SAID <unk> I AM HERE")
    assert made(encoder).of([HeardClip(clip, noise(), SPEAKS)]) == [Transcript("He said I am here", "corpus")]


@pytest.mark.parametrize(
    ("clip", "spans", "why"),
    [
        ({"language": "fr"}, SPEAKS, "language_unknown_to_model"),
        ({"language": "en"}, [], "no_speech_heard"),
        ({"transcript": " \n "}, [], "no_speech_heard"),
    ],
)
def test_a_missing_transcript_is_counted_and_fails_nothing(
    clip: dict[str, str], spans: list[Span], why: str, encoder: StoredModel
) -> None:
    transcripts = made(encoder)
    assert transcripts.of([HeardClip(speech_clip(noise(), **clip), noise(), spans)]) == [None]
    assert transcripts.origins == {why: 1}


def test_whisper_is_not_asked_when_it_should_not_be(encoder: StoredModel) -> None:
    transcripts = made(encoder, transcribe="never")
    assert transcripts.of([HeardClip(speech_clip(noise()), noise(), SPEAKS)]) == [None]
    assert transcripts.origins == {"not_asked_for": 1}


@pytest.mark.parametrize("domain", [Domain.SOUND, Domain.MUSIC])
def test_sounds_and_music_have_no_transcript(domain: Domain, encoder: StoredModel) -> None:
    transcripts = made(encoder)
    clip = speech_clip(noise(), domain=domain, transcript="la la la")
    assert transcripts.of([HeardClip(clip, noise(), SPEAKS)]) == [None]
    assert not transcripts.origins


def test_silence_that_passes_for_speech_gives_no_row_an_error(transcripts: Transcripts) -> None:
    silence = np.zeros(16_000, np.float32)
    before = transcripts.origins.total()
    (found,) = transcripts.of([HeardClip(speech_clip(silence, language="en"), silence, SPEAKS)])
    assert found is None or found.text
    assert transcripts.origins.total() == before + 1


def test_the_words_of_parts_are_put_together_with_all_who_wrote_them() -> None:
    parts = [Transcript("Hello.", "corpus"), None, Transcript("Hi!", "asr:x"), Transcript("So.", "corpus")]
    assert together(parts) == Transcript("Hello. Hi! So.", "corpus, asr:x")
    assert together([None, None]) is None
