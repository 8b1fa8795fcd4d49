"""What a bundle holds, of a run that went through and of one that failed, and what it must not hold."""

import json
import shutil
from pathlib import Path

import pytest

from components.core.contracts.artifacts import read_manifest
from components.core.digests import digest_of_tree
from components.core.home import Home
from components.core.runs import State, read_run, read_stage, stage_file, write_record, write_run
from pipelines.bundle.sealing import FOLDER, bundle_digest, tell_started, write_bundle
from pipelines.bundle.signing import signing_key
from pipelines.journal import read_journal
from tests.pipelines.bundle.making import make_ended_run
from tests.pipelines.export.making import CLIPS, SAMPLES

ALWAYS = {"bundle.json", "bundle.sig", "parameters.json", "journal.json", "metrics.json", "bom.cdx.json"}
SURROUNDINGS = {"code.json", "environment.json"}


def sealed(home: Home, run_dir: Path) -> Path:
    tell_started(read_run(run_dir), home)
    write_bundle(run_dir, home, signing_key(home))
    return run_dir / FOLDER


def names(bundle: Path) -> set[str]:
    return {file.relative_to(bundle).as_posix() for file in bundle.rglob("*") if file.is_file()}


def test_a_run_that_went_through_leaves_all_of_it(bundle: Path, home: Home) -> None:
    kinds = {"clips", "samples", "accepted", "model", "report"}
    cards = {"dataset_card.md", "model_card.md"}
    assert names(bundle) == {
        *ALWAYS,
        *SURROUNDINGS,
        *cards,
        "pipeline.yaml",
        *(f"manifests/{kind}.json" for kind in kinds),
    }
    record = json.loads((bundle / "bundle.json").read_text())
    for kind in kinds:
        folder = home.store / "r1" / kind
        assert (bundle / "manifests" / f"{kind}.json").read_bytes() == (folder / "manifest.json").read_bytes()
        assert record["results"][kind] == read_manifest(folder).digest
    manifests = bundle / "manifests"
    assert record["manifest_root"] == digest_of_tree(manifests, manifests.iterdir())
    assert (bundle / "pipeline.yaml").read_bytes() == (home.runs / "r1" / "pipeline.yaml").read_bytes()
    assert "4 questions about 3 clips" in (bundle / "dataset_card.md").read_text()
    assert (bundle / "model_card.md").read_text() == "# it hears\n"
    assert json.loads((bundle / "metrics.json").read_text())["evaluation"]["audio_gain"] == 0.15
    first = read_journal(home)[0]
    assert json.loads((bundle / "journal.json").read_text()) == {"number": 1, "digest": first.digest}


def test_no_row_no_transcript_and_no_speaker_is_in_it(bundle: Path) -> None:
    """It is kept after an erasure."""
    private = {clip.clip_id for clip in CLIPS} | {sample.sample_id for sample in SAMPLES} | {"anna"}
    private |= {sample.prompt for sample in SAMPLES} | {sample.response for sample in SAMPLES} | {"¿Qué tal?"}
    private |= {clip.source.path for clip in CLIPS}
    for name in names(bundle):
        text = (bundle / name).read_text()
        assert not [word for word in private if word in text], name


def test_the_line_by_which_a_run_failed_is_not_in_it(home: Home) -> None:
    """It may name a file, and a file a person."""
    run_dir = make_ended_run(home, state=State.FAILED)
    write_run(run_dir, read_run(run_dir).model_copy(update={"error": "ingest_audio: anna.flac: no sound"}))
    bundle = sealed(home, run_dir)
    assert not [name for name in names(bundle) if "anna" in (bundle / name).read_text()]


def test_a_run_that_failed_early_leaves_what_there_is(home: Home) -> None:
    run_dir = make_ended_run(home, state=State.FAILED)
    for stage in ("self_generate", "validate_data", "train_model", "evaluate_model"):
        stage_file(run_dir, stage).unlink()
    (run_dir / "pipeline.yaml").unlink()
    bundle = sealed(home, run_dir)
    assert names(bundle) == {*ALWAYS, *SURROUNDINGS, "manifests/clips.json"}
    assert json.loads((bundle / "bundle.json").read_text())["state"] == "failed"


def test_a_run_that_came_to_nothing_leaves_a_bundle_too(home: Home) -> None:
    run_dir = make_ended_run(home, state=State.FAILED)
    shutil.rmtree(run_dir / "stages")
    for name in ("code.json", "environment.json", "pipeline.yaml", "tracking.json"):
        (run_dir / name).unlink()
    assert names(sealed(home, run_dir)) == ALWAYS


def test_samples_that_a_gate_refused_have_no_card(home: Home) -> None:
    run_dir = make_ended_run(home, state=State.REFUSED)
    record = read_stage(run_dir, "validate_data")
    assert record is not None
    write_record(stage_file(run_dir, "validate_data"), record.model_copy(update={"state": State.REFUSED}))
    for stage in ("train_model", "evaluate_model"):
        stage_file(run_dir, stage).unlink()
    bundle = sealed(home, run_dir)
    assert "manifests/accepted.json" in names(bundle)
    assert "dataset_card.md" not in names(bundle)


def test_what_validation_found_is_copied(home: Home) -> None:
    run_dir = make_ended_run(home)
    (home.store / "r1" / "accepted" / "validation.json").write_text('{"rules": []}')
    assert (sealed(home, run_dir) / "validation.json").read_text() == '{"rules": []}'


def test_a_run_on_published_data_takes_their_card(home: Home) -> None:
    run_dir = make_ended_run(home)
    stage_file(run_dir, "self_generate").unlink()
    (home.store / "r1" / "README.md").write_text("# published\n")
    assert (sealed(home, run_dir) / "dataset_card.md").read_text() == "# published\n"


def test_a_result_that_is_no_more_what_was_recorded_is_left_out_with_a_line(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    run_dir = make_ended_run(home)
    (home.store / "r1" / "report" / "manifest.json").write_text("{")
    record = read_stage(run_dir, "train_model")
    assert record is not None
    output = record.outputs["model"].model_copy(update={"digest": "f" * 64})
    write_record(stage_file(run_dir, "train_model"), record.model_copy(update={"outputs": {"model": output}}))
    bundle = sealed(home, run_dir)
    assert not {"manifests/report.json", "manifests/model.json", "model_card.md"} & names(bundle)
    said = capsys.readouterr().err.splitlines()
    assert [line.rpartition("; ")[2] for line in said] == ["left out of the run's bundle"] * 2


def test_equal_runs_give_equal_bytes(home: Home, bundle: Path) -> None:
    again = home.runs / "again" / "r1"
    shutil.copytree(bundle.parent, again)
    shutil.rmtree(again / FOLDER)
    (home.root / "journal.jsonl").write_bytes((home.root / "journal.jsonl").read_bytes().splitlines(True)[0])
    assert write_bundle(again, home, signing_key(home)) == bundle_digest(bundle)


def test_a_bundle_that_is_there_stays(home: Home, bundle: Path) -> None:
    before = {name: (bundle / name).read_bytes() for name in names(bundle)}
    write_run(bundle.parent, read_run(bundle.parent).model_copy(update={"seconds": 99.0}))
    write_bundle(bundle.parent, home, signing_key(home))
    assert {name: (bundle / name).read_bytes() for name in names(bundle)} == before
