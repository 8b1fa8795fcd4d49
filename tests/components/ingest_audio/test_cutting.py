"""Long recordings become pieces, cut where nobody speaks, each with its place; nothing is lost between them."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from components.core.audio import decode, pcm_digest, quantise, resample
from components.core.contracts.artifacts import Artifact
from components.core.contracts.records import SAMPLE_RATE_HZ, Clip, RefusedClip
from components.core.corpora.reading import read_corpus
from pipelines.sample_data import sample_corpora
from tests.builders import make_tone, write_corpus
from tests.components.ingest_audio.making import as_file, ingested

SPEECH = "name: talk\nlicence: x\ndomain: speech\n"
SOUND = "name: sea\nlicence: x\ndomain: sound\n"


@pytest.fixture(scope="module")
def talk() -> NDArray[np.float32]:
    """Real sentences with a second of silence after each: 70 s."""
    corpus = next(read_corpus(folder) for folder in sample_corpora() if folder.name == "asterisk-en")
    parts: list[NDArray[np.float32]] = []
    while sum(map(len, parts)) < 70 * SAMPLE_RATE_HZ:
        recording = corpus.recordings[len(parts) // 2 % len(corpus.recordings)]
        samples, rate_hz = decode(recording.file)
        parts += [resample(samples, rate_hz).astype(np.float32), np.zeros(SAMPLE_RATE_HZ, np.float32)]
    return np.concatenate(parts)[: 70 * SAMPLE_RATE_HZ]


def pieces_of(artifact: Artifact) -> list[Clip]:
    return sorted(artifact.read(Clip), key=lambda clip: clip.source.offset_s)


def spans_of(clips: Sequence[Clip]) -> list[tuple[float, float]]:
    return [(clip.source.offset_s, clip.source.offset_s + clip.duration_s) for clip in clips]


def test_speech_is_cut_in_its_pauses_without_a_gap(tmp_path: Path, talk: NDArray[np.float32]) -> None:
    folder = write_corpus(tmp_path / "c", {"a.flac": talk}, policy=SPEECH)
    artifact = ingested([folder], tmp_path)
    clips = pieces_of(artifact)
    spans = spans_of(clips)
    assert spans[0][0] == 0.0
    assert spans[-1][1] == pytest.approx(70.0, abs=0.001)
    for (_, end), (start, _) in pairwise(spans):
        assert end == pytest.approx(start, abs=0.001)
        assert np.abs(talk[int((end - 0.1) * SAMPLE_RATE_HZ) : int((end + 0.1) * SAMPLE_RATE_HZ)]).max() < 0.01
    assert all(10 <= clip.duration_s <= 30 for clip in clips[:-1])
    assert artifact.manifest.facts["cut"] == {"recordings": 1, "pieces": len(clips)}


def test_a_piece_is_made_again_from_the_place_it_names(tmp_path: Path, talk: NDArray[np.float32]) -> None:
    wav = as_file(np.stack([talk, talk], axis=1), "WAV", "PCM_16", 48_000)  # three times as fast: 23 s
    slow = as_file(np.concatenate([talk, talk]), "MP3", "MPEG_LAYER_III", 44_100)
    folder = write_corpus(tmp_path / "c", {"a.mp3": slow, "b.wav": wav}, policy=SPEECH)
    clips = pieces_of(ingested([folder], tmp_path))
    assert sum(clip.source.path == "b.wav" for clip in clips) == 1
    for clip in clips:
        samples, rate_hz = decode(
            folder / clip.source.path, start_s=clip.source.offset_s, duration_s=clip.source.length_s
        )
        assert pcm_digest(quantise(resample(samples, rate_hz))) == clip.clip_id


def test_a_sound_without_pauses_is_cut_where_it_is_quietest(tmp_path: Path) -> None:
    sea = np.random.default_rng(0).normal(0, 0.1, 45 * SAMPLE_RATE_HZ).astype(np.float32)
    sea[20 * SAMPLE_RATE_HZ : 21 * SAMPLE_RATE_HZ] *= 0.01
    clips = pieces_of(ingested([write_corpus(tmp_path / "c", {"a.flac": sea}, policy=SOUND)], tmp_path))
    assert len(clips) == 2
    assert 20.0 < clips[1].source.offset_s < 21.0


def test_the_last_piece_is_never_a_sliver(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "c", {"a.flac": make_tone(duration_s=30.2)}, policy=SOUND)
    assert min(clip.duration_s for clip in ingested([folder], tmp_path).read(Clip)) >= 1.0


def test_words_that_belong_to_the_whole_are_told_of_no_piece(tmp_path: Path, talk: NDArray[np.float32]) -> None:
    table = "path,transcript,speaker_id,mood\na.flac,all of it,s1,calm\n"
    folder = write_corpus(tmp_path / "c", {"a.flac": talk}, policy=SPEECH, table=table)
    for clip in ingested([folder], tmp_path).read(Clip):
        assert (clip.transcript, clip.speaker_id, clip.attributes) == (None, "s1", {"mood": "calm"})


def dialogue(folder: Path, talk: NDArray[np.float32], **changes: object) -> Path:
    """Write one file with three stretches that are read together."""
    lines = [
        {"path": "a.flac", "start_s": 0, "duration_s": 12, "transcript": "one", "speaker_id": "s1", "mood": "calm"},
        {"path": "a.flac", "start_s": 12, "duration_s": 13, "transcript": "two", "speaker_id": "s2", "mood": "calm"},
        {"path": "a.flac", "start_s": 40, "duration_s": 5, "transcript": "three", "speaker_id": "s1", **changes},
    ]
    write_corpus(folder, {"a.flac": talk}, policy=SPEECH + "stretches: together\n")
    (folder / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_stretches_read_together_are_segments_of_the_piece_they_lie_in(
    tmp_path: Path, talk: NDArray[np.float32]
) -> None:
    clips = pieces_of(ingested([dialogue(tmp_path / "c", talk)], tmp_path))
    told = [
        [(clip.source.offset_s + part.start_s, part.transcript, part.speaker_id) for part in clip.segments]
        for clip in clips
    ]
    flat = [(round(start, 3), words, who) for piece in told for start, words, who in piece]
    assert flat == [(0.0, "one", "s1"), (12.0, "two", "s2"), (40.0, "three", "s1")]
    assert all(0 <= part.start_s < part.end_s <= clip.duration_s + 0.001 for clip in clips for part in clip.segments)
    assert clips[0].source.offset_s + clips[0].duration_s == pytest.approx(27.5)  # the middle of 25 to 30 s


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"split": "train"}, "talk/a.flac: its stretches have split 'None' and 'train'"),
        ({"duration_s": None}, "talk/a.flac: the stretch at 40 s has no duration_s"),
    ],
)
def test_stretches_that_cannot_be_read_together_are_named(
    tmp_path: Path, talk: NDArray[np.float32], change: dict[str, object], complaint: str
) -> None:
    with pytest.raises(Exception, match=complaint):
        read_corpus(dialogue(tmp_path / "c", talk, **change))


def test_a_long_file_that_ends_in_rubbish_is_refused_whole(tmp_path: Path, talk: NDArray[np.float32]) -> None:
    encoded = as_file(talk, "FLAC", "PCM_16")
    files: dict[str, bytes | NDArray[np.float32]] = {"a.flac": encoded[: len(encoded) // 2], "b.flac": make_tone()}
    artifact = ingested([write_corpus(tmp_path / "c", files, policy=SPEECH)], tmp_path)
    (refused,) = artifact.read_quarantine(RefusedClip)
    assert (refused.source.path, refused.reason, refused.source.length_s) == ("a.flac", "unreadable", None)
