from pathlib import Path

import numpy as np
import pytest

from components.core.audio import pcm_digest, quantise, samples_of
from components.core.contracts.errors import SourceError
from components.core.contracts.records import Clip, Domain, RefusedClip, Split
from components.core.digests import digest_of_file
from tests.builders import make_tone, write_corpus
from tests.components.ingest_audio.making import REFUSED, as_file, bad_corpus, ingested


def test_every_refusal_has_its_reason_and_nothing_is_lost(tmp_path: Path) -> None:
    folder = bad_corpus(tmp_path / "corpus")
    artifact = ingested([folder], tmp_path)
    refused = list(artifact.read_quarantine(RefusedClip))
    assert {each.source.path: (each.reason, each.detail) for each in refused} == REFUSED
    assert [clip.source.path for clip in artifact.read(Clip)] == [
        "-good name.flac",
        "bytes-\\xff.flac",
        "good\nöther.wav",
    ]
    counts = artifact.manifest.counts
    assert (counts.rows_in, counts.rows_out) == (12, 3)
    assert counts.refused == {"duplicate": 1, "silent": 2, "too_short": 2, "unreadable": 4}


def test_a_clip_is_named_by_its_samples_and_knows_its_file(tmp_path: Path) -> None:
    policy = "name: zoo\nlicence: CC-BY-4.0\ndomain: sound\nlanguage: no\nattributes: [animal]\n"
    table = "path,split,speaker_id,source_id,transcript,animal\na.flac,evaluation,s1,tape 7,woof,dog\n"
    folder = write_corpus(tmp_path / "zoo", {"a.flac": make_tone()}, policy=policy, table=table)
    (clip,) = ingested([folder], tmp_path).read(Clip)
    assert clip.clip_id == pcm_digest(quantise(samples_of(clip.audio)))
    assert clip.audio.path == f"{clip.clip_id}.flac"
    assert (clip.source.corpus, clip.source.path, clip.source.source_id) == ("zoo", "a.flac", "tape 7")
    assert clip.source.sha256 == digest_of_file(folder / "a.flac")
    assert (clip.domain, clip.split, clip.duration_s) == (Domain.SOUND, Split.EVALUATION, 1.0)
    assert (clip.licence, clip.speaker_id, clip.language, clip.transcript) == ("CC-BY-4.0", "s1", "no", "woof")
    assert (clip.attributes, clip.describable) == ({"animal": "dog"}, ("animal",))


def test_any_rate_and_number_of_channels_becomes_16_khz_mono(tmp_path: Path) -> None:
    time_s = np.arange(88_200) / 44_100
    tone = (0.3 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)
    stereo = as_file(np.stack([tone, tone], axis=1), "WAV", "PCM_24", 44_100)
    folder = write_corpus(tmp_path / "c", {"a.wav": stereo, "b.mp3": as_file(tone, "MP3", "MPEG_LAYER_III", 44_100)})
    clips = list(ingested([folder], tmp_path).read(Clip))
    assert [clip.duration_s for clip in clips] == [2.0, 2.0]
    for clip in clips:
        middle = slice(3000, -3000)
        expected = make_tone(duration_s=2.0)[middle]
        assert np.abs(samples_of(clip.audio)[middle] - expected).max() < 0.03


def test_a_listed_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "c", {"a.flac": make_tone()}, table="path\na.flac\nabsent.flac\n")
    artifact = ingested([folder], tmp_path)
    (refused,) = artifact.read_quarantine(RefusedClip)
    assert (refused.source.path, refused.reason) == ("absent.flac", "unreadable")
    assert refused.detail == "cannot be read: No such file or directory"


def test_a_speaker_in_two_splits_is_refused(tmp_path: Path) -> None:
    table = "path,split,speaker_id\na.flac,train,s\nb.flac,evaluation,s\n"
    files = {"a.flac": make_tone(), "b.flac": make_tone(hertz=300)}
    artifact = ingested([write_corpus(tmp_path / "c", files, table=table)], tmp_path)
    (refused,) = artifact.read_quarantine(RefusedClip)
    assert (refused.source.path, refused.reason) == ("b.flac", "split_conflict")
    assert artifact.manifest.counts.refused == {"split_conflict": 1}


def test_the_same_samples_in_two_splits_are_one_clip(tmp_path: Path) -> None:
    table = "path,split\na.flac,train\nb.flac,evaluation\n"
    folder = write_corpus(tmp_path / "c", {"a.flac": make_tone(), "b.flac": make_tone()}, table=table)
    artifact = ingested([folder], tmp_path)
    assert [(clip.source.path, clip.split) for clip in artifact.read(Clip)] == [("a.flac", Split.TRAIN)]
    assert artifact.manifest.counts.refused == {"duplicate": 1}


def test_workers_folders_and_their_order_change_no_byte(tmp_path: Path) -> None:
    bad = bad_corpus(tmp_path / "bad")
    more = write_corpus(
        tmp_path / "more",
        {f"{hertz}.flac": make_tone(hertz=hertz) for hertz in range(200, 400, 10)},
        policy="name: more\nlicence: x\ndomain: music\n",
    )
    once = ingested([bad, more], tmp_path / "1", workers=1)
    again = ingested([more, bad], tmp_path / "2", workers=3)
    assert again.manifest == once.manifest
    names = [entry.path for entry in once.manifest.files]
    assert names == ["part-00000.parquet", "quarantine.parquet"]
    assert all((once.folder / name).read_bytes() == (again.folder / name).read_bytes() for name in names)


def test_max_clips_takes_some_of_every_domain_and_says_how_many_it_left(tmp_path: Path) -> None:
    rows = "".join(f"{n}.flac,{'music' if n % 5 else 'speech'},train\n" for n in range(20))
    files = {f"{n}.flac": make_tone(hertz=200 + 10 * n) for n in range(20)}
    folder = write_corpus(tmp_path / "c", files, table=f"path,domain,split\n{rows}")
    manifest = ingested([folder], tmp_path, max_clips=5).manifest
    assert manifest.counts.rows_in == manifest.counts.rows_out == 5
    assert manifest.facts["left_out"] == 15
    assert {domain: splits["train"]["clips"] for domain, splits in manifest.facts["domains"].items()} == {
        "music": 4,
        "speech": 1,
    }


def test_the_facts_count_clips_seconds_speakers_and_languages(tmp_path: Path) -> None:
    policy = "name: talk\nlicence: CC-BY-4.0\nattribution: The Readers\nconsent: [research]\ndomain: speech\n"
    table = "path,split,speaker_id,language\na.flac,train,s1,fr\nb.flac,train,s2,fr\nc.flac,evaluation,s3,en\n"
    files = {f"{name}.flac": make_tone(hertz=hertz) for name, hertz in (("a", 200), ("b", 300), ("c", 400))}
    folder = write_corpus(tmp_path / "c", {**files, "extra.flac": make_tone()}, policy=policy, table=table)
    assert ingested([folder], tmp_path).manifest.facts == {
        "domains": {
            "speech": {"train": {"clips": 2, "seconds": 2.0}, "evaluation": {"clips": 1, "seconds": 1.0}},
        },
        "speakers": 3,
        "languages": {"en": 1, "fr": 2},
        "cut": {"recordings": 0, "pieces": 0},
        "corpora": {
            "talk": {
                "clips": 3,
                "unlisted": 1,
                "unmapped": {},
                "licence": "CC-BY-4.0",
                "attribution": "The Readers",
                "consent": ["research"],
            }
        },
        "left_out": 0,
        "refusals": [],
    }


def test_when_nothing_is_left_the_counts_say_why(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "c", {"a.flac": make_tone(level=0), "b.wav": b"x", "c.wav": b"y"})
    with pytest.raises(SourceError) as caught:
        ingested([folder], tmp_path)
    assert str(caught.value) == (
        "ingest_audio: none of 3 files became a clip (1 silent, 2 unreadable); 'test/a.flac': -inf dBFS, want -60"
    )
