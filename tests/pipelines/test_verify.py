"""A run whose results were made by hand: whatever is changed in it is named, the first thing first."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.core.audio import pcm_digest, quantise, samples_of
from components.core.contracts.artifacts import Draft, Lineage, Manifest, Tally
from components.core.contracts.errors import ConfigurationError, ContractError
from components.core.contracts.records import Clip
from components.core.digests import canonical_json, digest_of
from components.core.home import Home
from components.core.models.store import StoredModel
from components.core.runs import (
    ModelVersion,
    Output,
    State,
    TrackingRecord,
    stage_file,
    write_record,
    write_run,
    write_tracking,
)
from components.core.stages import STAGES
from pipelines.cli import main
from pipelines.verify import run_dir_named, verify
from tests.builders import make_clip, make_tone
from tests.pipelines.results import make_run_record, make_stage_record


def result(folder: Path, kind: str, clips: list[Clip], inputs: dict[str, str], models: dict[str, str]) -> Manifest:
    """A result in a folder, closed as a stage closes it."""
    folder.mkdir(parents=True)
    draft, tally = Draft(folder), Tally()
    tally.rows_in = tally.rows_out = len(clips)
    if clips:
        draft.write(clips, Clip)
    (folder / "notes.txt").write_text(f"about {kind}")
    parts: dict[str, Any] = {
        "stage": kind,
        "code": "2" * 64,
        "settings": {},
        "inputs": inputs,
        "models": models,
        "sources": {},
    }
    return draft.close(kind=kind, counts=tally.counts(), facts={}, lineage=Lineage(**parts, key=digest_of(parts)))


def clip(hertz: float) -> Clip:
    made = make_clip(pcm=make_tone(hertz=hertz))
    return made.model_copy(update={"clip_id": pcm_digest(quantise(samples_of(made.audio)))})


@pytest.fixture
def run(home: Home, encoder: StoredModel, llm: StoredModel) -> Path:
    """A run with six results that fit together."""
    run_dir = home.runs / "r1"
    write_run(run_dir, make_run_record(run_id="r1"))
    digests = {"encoder": encoder.digest, "llm": llm.digest}
    made: dict[str, str] = {}
    for stage in STAGES:
        folder = home.store / stage.name / "k"
        inputs = {word: made[maker] for word, maker in stage.inputs.items()}
        clips = [clip(300.0), clip(400.0)] if stage.output == "clips" else []
        manifest = result(folder, stage.output, clips, inputs, {name: digests[name] for name in stage.models})
        made[stage.name] = manifest.digest
        output = {stage.output: Output(digest=manifest.digest, path=str(folder))}
        record = make_stage_record(stage=stage.name, state=State.SUCCEEDED, outputs=output)
        write_record(stage_file(run_dir, stage.name), record)
    version = ModelVersion(name="desta-adapter", version="3", digest=made["train_model"])
    write_tracking(run_dir, TrackingRecord(mlflow_run_id="m", model=version))
    return run_dir


def test_a_run_that_is_what_it_recorded_is_verified_from_clips_to_models(run: Path, home: Home) -> None:
    verified = list(verify(run, home))
    assert [each.name for each in verified] == [*(stage.output for stage in STAGES), "encoder", "llm"]
    assert "2 clips by their samples" in verified[0].what


@pytest.mark.usefixtures("run")
def test_the_command_prints_what_holds_and_takes_a_version(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["verify"], ["verify", "r1"], ["verify", "desta-adapter@3"]):
        with pytest.raises(SystemExit) as ended:
            main(argv)
        assert ended.value.code == 0
        assert capsys.readouterr().out.splitlines()[-1] == "run r1 is what it recorded"
    with pytest.raises(SystemExit):
        main(["verify", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["run_id"], len(found["verified"])) == ("r1", 8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.data())
def test_any_flipped_byte_of_any_result_is_found_and_named(run: Path, home: Home, data: st.DataObject) -> None:
    files = sorted(file for file in home.store.rglob("*") if file.is_file())
    file = data.draw(st.sampled_from(files))
    content = file.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    flipped = bytes([content[place] ^ data.draw(st.integers(1, 255))])
    file.write_bytes(content[:place] + flipped + content[place + 1 :])
    try:
        with pytest.raises(ContractError) as found:
            list(verify(run, home))
        assert str(file.parent) in str(found.value)
        assert "\n" not in str(found.value)
    finally:
        file.write_bytes(content)


def without_a_file(_: Path, home: Home) -> str:
    (home.store / "train_model" / "k" / "notes.txt").unlink()
    return "notes.txt: missing"


def with_another_file(_: Path, home: Home) -> str:
    (home.store / "train_model" / "k" / "more.txt").write_text("x")
    return "more.txt: not in the manifest"


def with_another_result(_: Path, home: Home) -> str:
    folder = home.store / "validate_data" / "k"
    shutil.rmtree(folder)
    result(folder, "accepted", [clip(500.0)], {"samples": "0" * 64, "clips": "0" * 64}, {})
    return "and the run recorded"


def with_another_input(run: Path, home: Home) -> str:
    folder = home.store / "evaluate_model" / "k"
    shutil.rmtree(folder)
    manifest = result(folder, "report", [], {"model": "0" * 64, "accepted": "0" * 64, "clips": "0" * 64}, {})
    output = {"report": Output(digest=manifest.digest, path=str(folder))}
    record = make_stage_record(stage="evaluate_model", state=State.SUCCEEDED, outputs=output)
    write_record(stage_file(run, "evaluate_model"), record)
    return f"was made from model {'0' * 64}"


def with_a_clip_of_other_samples(run: Path, home: Home) -> str:
    folder = home.store / "ingest_audio" / "k"
    shutil.rmtree(folder)
    odd = clip(300.0).model_copy(update={"clip_id": "f" * 64})
    manifest = result(folder, "clips", [odd], {}, {})
    output = {"clips": Output(digest=manifest.digest, path=str(folder))}
    record = make_stage_record(stage="ingest_audio", state=State.SUCCEEDED, outputs=output)
    write_record(stage_file(run, "ingest_audio"), record)
    return f"clip {'f' * 64} has the samples of "


@pytest.mark.parametrize(
    "change",
    [without_a_file, with_another_file, with_another_result, with_another_input, with_a_clip_of_other_samples],
)
def test_what_was_changed_is_said_in_one_line(run: Path, home: Home, change: Callable[[Path, Home], str]) -> None:
    complaint = change(run, home)
    with pytest.raises(ContractError) as found:
        list(verify(run, home))
    assert complaint in str(found.value)
    assert "\n" not in str(found.value)


def test_a_lineage_that_was_changed_with_its_digests_does_not_give_its_key(run: Path, home: Home) -> None:
    file = home.store / "train_model" / "k" / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["lineage"]["settings"] = {"steps": 1}  # the digest of the content does not cover it
    file.write_text(canonical_json(manifest) + "\n")
    with pytest.raises(ContractError, match="its lineage does not give its key"):
        list(verify(run, home))


def test_a_version_that_no_run_made_is_one_line(run: Path, home: Home) -> None:
    assert run_dir_named(home, "desta-adapter@3") == run
    with pytest.raises(ConfigurationError, match="desta-adapter@4: no run of this home made it"):
        run_dir_named(home, "desta-adapter@4")


def test_a_run_without_results_has_nothing_to_verify(home: Home) -> None:
    write_run(home.runs / "r2", make_run_record(run_id="r2"))
    with pytest.raises(ContractError, match="recorded no result"):
        list(verify(home.runs / "r2", home))
