"""A speaker of three is erased: nothing is left of her anywhere, all else is as it was, and nothing comes back."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.artifacts import Artifact, open_artifact
from components.core.contracts.records import (
    Answer,
    Clip,
    Description,
    Record,
    RefusedClip,
    RefusedSample,
    Sample,
)
from components.core.execution import lineage_of
from components.core.home import Home
from components.core.stages import STAGES, stage_named
from components.ingest_audio.__main__ import main as ingest
from components.ingest_audio.settings import IngestAudioSettings
from pipelines.erasure.recordings import corpora_below
from pipelines.journal import read_journal
from pipelines.profiles import smoke
from pipelines.revision import sources_of
from pipelines.verify import Verified, verify
from tests.builders import make_tone, write_corpus
from tests.components.ingest_audio.making import as_file
from tests.pipelines.erasure.doing import certificate_in, desta, erase, now, places_of
from tests.pipelines.erasure.looking import telling_of, traces_below
from tests.pipelines.erasure.making import RUN, sample_about, tone_of

ROWS: dict[str, type[Record]] = {
    "ingest_audio": Clip,
    "extract_metadata": Description,
    "self_generate": Sample,
    "validate_data": Sample,
    "evaluate_model": Answer,
}


def about(row: Any) -> set[str]:
    return {row.clip_id, getattr(row, "wrong_clip_id", row.clip_id)}


def test_nothing_is_left_of_a_speaker_and_everything_else_is_as_it_was(
    home: Home, root: Path, results: dict[str, Artifact], capsys: pytest.CaptureFixture[str]
) -> None:
    clips = list(results["ingest_audio"].read(Clip))
    hers, telling = {clip.clip_id for clip in clips if clip.speaker_id == "anna"}, telling_of(clips)
    before = {stage: list(results[stage].read(kind)) for stage, kind in ROWS.items()}
    quarantined = list(results["validate_data"].read_quarantine(RefusedSample))
    untouched = results["extract_metadata"].shards[-1].read_bytes()
    for place in places_of(home, root):
        assert list(traces_below(place, telling))

    assert erase("--speaker", "anna") == 0

    found = [line for place in places_of(home, root) for line in traces_below(place, telling)]
    evidence = (str(home.tombstones), str(home.erasures), str(home.root / "journal.jsonl"))
    assert [line for line in found if not line.startswith(evidence)] == []
    assert "anna" not in "".join(file.read_text() for file in home.erasures.rglob("*") if file.is_file())
    for stage, kind in ROWS.items():
        left = now(home, stage)
        assert list(left.read(kind)) == [row for row in before[stage] if not about(row) & hers]
        assert [file.name for file in (home.store / stage).iterdir()] == [left.manifest.lineage.key]
    accepted = now(home, "validate_data")
    stay = [row for row in quarantined if row.sample.clip_id not in hers]
    assert list(accepted.read_quarantine(RefusedSample)) == stay
    assert accepted.manifest.counts.model_dump() == {"rows_in": 5, "rows_out": 3, "refused": {"cut_off": 2}}
    assert now(home, "extract_metadata").shards[-1].read_bytes() == untouched
    assert (home.runs / RUN / "log.txt").read_text() == "decoded [erased]\nheard: [erased]\nall is well\n"
    assert len(list(home.features.rglob("*.safetensors"))) == 5
    capsys.readouterr()
    assert desta("verify", "--erased", str(certificate_in(home))) == 0
    assert "nothing is left" in capsys.readouterr().out


@pytest.mark.usefixtures("root")
def test_facts_are_those_of_what_is_left(home: Home, results: dict[str, Artifact]) -> None:
    assert results["ingest_audio"].manifest.facts["speakers"] == 3
    assert erase("--speaker", "anna") == 0
    facts = now(home, "ingest_audio").manifest.facts
    assert (facts["speakers"], facts["languages"], facts["corpora"]["voices"]["clips"]) == (2, {"en": 4}, 4)
    assert facts["domains"]["speech"]["train"] == {"clips": 4, "seconds": 4.0}
    assert now(home, "self_generate").manifest.facts["finish_reasons"] == {"stop": 5}
    assert "prompt_tokens" not in now(home, "self_generate").manifest.facts
    accepted = now(home, "validate_data").manifest.facts
    assert (accepted["accepted"], accepted["acceptance"]) == ({"evaluation/sound": 1, "train/speech": 2}, 3 / 5)
    assert now(home, "evaluate_model").manifest.facts["erased_rows"] == 3


def test_the_next_run_finds_what_is_left_under_the_keys_that_it_computes(
    home: Home, root: Path, results: dict[str, Artifact], tmp_path: Path
) -> None:
    del results
    assert erase("--speaker", "anna") == 0
    corpora = corpora_below(root)
    sources = dict(sources_of(corpora, home))
    lineage = lineage_of(stage_named("ingest_audio"), IngestAudioSettings(), {}, {}, sources)
    assert now(home, "ingest_audio").manifest.lineage == lineage
    flags = [part for corpus in corpora for part in ("--corpus", str(corpus))]
    ingest([*flags, "--clips", str(tmp_path / "clips")])
    assert open_artifact(tmp_path / "clips").digest == now(home, "ingest_audio").digest
    assert len(list((home.store / "ingest_audio").iterdir())) == 1
    for stage in STAGES[1:4]:
        inputs = {word: now(home, maker).digest for word, maker in stage.inputs.items()}
        models = now(home, stage.name).manifest.lineage.models
        lineage = lineage_of(stage, smoke().settings(stage.name), inputs, models, {})
        assert now(home, stage.name).manifest.lineage == lineage


@pytest.mark.usefixtures("root")
def test_the_run_still_verifies_and_says_what_was_erased_from_since(
    home: Home, results: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The frozen models of these results are made up; that those of a real run are checked is tested beside it.
    looked = Verified(name="a model", digest="0" * 64, what="made up")
    monkeypatch.setattr("pipelines.verify._check_model", lambda *_: looked)
    before = [each.what for each in verify(home.runs / RUN, home)]
    assert erase("--speaker", "anna") == 0
    after = {each.name: each for each in verify(home.runs / RUN, home)}
    assert after["model"].digest == results["train_model"].digest
    assert after["model"].what == "1 files, key, 2 inputs, 2 of them erased from since"
    assert "1 files, key, 2 inputs" in before
    assert after["accepted"].what.endswith("key, 2 inputs")


def refused(folder: Path, root: Path) -> dict[str, str]:
    """Ingest a corpus, and return which of its files were refused as erased."""
    ingest(["--corpus", str(folder), "--clips", str(root)])
    rows = open_artifact(root).read_quarantine(RefusedClip)
    return {row.source.path: row.detail for row in rows if row.reason == "erased"}


@pytest.mark.usefixtures("results")
def test_the_same_audio_is_refused_in_any_container(root: Path, tmp_path: Path) -> None:
    original = (root / "data" / "corpora" / "voices" / "audio" / "anna-0.flac").read_bytes()
    files = {
        "same-file.flac": original,
        "same-samples.wav": as_file(tone_of("anna", 1), "WAV", "PCM_16"),
        "others.wav": as_file(make_tone(hertz=1234.0), "WAV", "PCM_16"),
    }
    again = write_corpus(tmp_path / "again", files)
    assert erase("--speaker", "anna") == 0
    assert refused(again, tmp_path / "after") == {
        "same-file.flac": "its file was erased here",
        "same-samples.wav": "a clip of the same samples was erased here",
    }
    counts = open_artifact(tmp_path / "after").manifest.counts
    assert (counts.rows_in, counts.rows_out, counts.refused) == (3, 1, {"erased": 2})


@pytest.mark.usefixtures("root")
def test_one_erasure_after_another(home: Home, results: dict[str, Artifact]) -> None:
    clips = list(results["ingest_audio"].read(Clip))
    assert erase("--speaker", "anna") == 0
    first = certificate_in(home)
    carla = next(clip for clip in clips if clip.speaker_id == "carla")
    assert erase("--clip", carla.clip_id) == 0
    left = list(now(home, "ingest_audio").read(Clip))
    assert [clip.clip_id for clip in left] == [
        clip.clip_id for clip in clips if clip.speaker_id != "anna" and clip.clip_id != carla.clip_id
    ]
    assert sample_about(carla) not in list(now(home, "self_generate").read(Sample))
    assert desta("verify", "--erased", str(first)) == desta("verify", "--erased", str(certificate_in(home))) == 0
    assert [entry.event for entry in read_journal(home)] == ["erasure_started", "erased"] * 2


@pytest.mark.usefixtures("results")
def test_a_corpus_of_one_recording_goes_whole(home: Home, root: Path) -> None:
    assert erase("--source", "dogs/bark.wav") == 0
    assert [folder.name for folder in corpora_below(root)] == ["voices"]
    assert json.loads(certificate_in(home).read_text())["models"] == []
    assert set(now(home, "ingest_audio").manifest.lineage.sources) == {"voices", "erased/tombstones"}
