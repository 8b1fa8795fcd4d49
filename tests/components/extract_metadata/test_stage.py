from pathlib import Path

from components.core.contracts.artifacts import Artifact
from components.core.contracts.records import Clip, Description, Domain, Split
from components.core.execution import Job, execute
from components.core.home import Home
from components.core.models.store import StoredModel
from components.core.stages import stage_named
from components.extract_metadata.settings import ExtractMetadataSettings
from components.extract_metadata.stage import describe
from tests.builders import make_clip, make_tone
from tests.components.extract_metadata.making import noise, speech_clip, spoken, write_clips


def described(clips: Artifact, encoder: StoredModel, root: Path, settings: ExtractMetadataSettings) -> Artifact:
    job = Job(
        stage=stage_named("extract_metadata"),
        settings=settings,
        inputs={"clips": clips},
        models={"encoder": encoder.digest},
    )
    work = lambda place: describe(clips, encoder, settings, place)  # noqa: E731
    return execute(job, root / "descriptions", Home(root / "home"), work)


def some_clips() -> list[Clip]:
    samples, words = spoken()
    return [
        speech_clip(
            samples, transcript=words, language="en-US", attributes={"gender": "female"}, describable=("gender",)
        ),
        speech_clip(noise(), language="en", split=Split.EVALUATION),
        make_clip(clip_id="2" * 64, attributes={"sound_event": "beep"}, describable=("sound_event",)),
        make_clip(clip_id="3" * 64, pcm=make_tone(hertz=100), domain=Domain.MUSIC, transcript="la la"),
    ]


def test_every_clip_gets_a_description_in_its_place(tmp_path: Path, encoder: StoredModel) -> None:
    clips = some_clips()
    artifact = described(write_clips(tmp_path / "clips", clips), encoder, tmp_path, ExtractMetadataSettings())
    rows = list(artifact.read(Description))
    assert [row.clip_id for row in rows] == [clip.clip_id for clip in clips]
    assert [(row.domain, row.split) for row in rows] == [(clip.domain, clip.split) for clip in clips]
    assert (artifact.manifest.counts.rows_in, artifact.manifest.counts.rows_out) == (4, 4)
    speech, silent, sound, music = rows
    assert speech.seed_description.startswith(
        "[00:00-00:06] That agent is already logged on. Please enter your agent number followed by the pound key. "
        "(Gender: female, Language: English, Pitch: medium, Speaking rate: normal, Loudness: "
    )
    assert speech.transcript_by == "corpus"
    assert (silent.transcript, silent.transcript_by) == (None, None)
    assert sound.seed_description == "[00:00-00:01] (Sound event: beep, Pitch: medium, Loudness: loud)"
    assert (music.transcript, music.attributes) == (None, {"pitch": "low", "loudness": "loud"})


def test_the_facts_say_where_transcripts_came_from(tmp_path: Path, encoder: StoredModel) -> None:
    clips = write_clips(tmp_path / "clips", some_clips())
    facts = described(clips, encoder, tmp_path, ExtractMetadataSettings(longest_text=20)).manifest.facts
    assert facts["transcripts"] == {"corpus": 1, "no_speech_heard": 1}
    assert facts["attributes"]["sound_event"] == 1
    assert facts["shortened"] == 1


def test_the_same_clips_give_the_same_bytes_whatever_lies_beside_them(tmp_path: Path, encoder: StoredModel) -> None:
    clips, settings = some_clips(), ExtractMetadataSettings()
    whole = described(write_clips(tmp_path / "a" / "clips", clips), encoder, tmp_path / "a", settings)
    again = described(write_clips(tmp_path / "b" / "clips", clips), encoder, tmp_path / "b", settings)
    part = described(write_clips(tmp_path / "c" / "clips", clips[::-1][:2]), encoder, tmp_path / "c", settings)
    assert again.manifest == whole.manifest
    assert list(part.read(Description)) == list(whole.read(Description))[::-1][:2]
