"""The notebooks as a reader runs them, in Jupyter's own folder, on a finished run and on the models of two runs."""

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from mlflow.tracking import MlflowClient
from nbclient import NotebookClient

from components.core.contracts.artifacts import open_artifact
from components.core.contracts.records import Answer, Clip, Description, RefusedSample, Sample, Split
from components.core.inference.desta_model import DestaModel
from components.evaluate_model.findings import read_findings
from tests.conftest import REPOSITORY
from tests.desta_command import Desta

pytestmark = pytest.mark.timeout(1800)

FOLDER = REPOSITORY / "notebooks"
SMALLER = (
    *("--set=train_model.steps=1", "--set=train_model.warmup_steps=0", "--set=train_model.validation_samples=2"),
    *("--set=evaluate_model.max_samples=4", "--set=evaluate_model.answers=0"),
    *("--set=evaluate_model.questions=6", "--set=evaluate_model.text_questions=1"),
)
"""What makes another model in seconds, and asks it some of the same."""
QUICKSTART, EXPLORE, COMPARE, AUDIT = "01-quickstart", "02-explore-a-run", "03-compare-models", "04-audit"


@dataclass(frozen=True)
class Shown:
    """What the cells of a notebook showed."""

    outputs: tuple[Any, ...]

    @property
    def text(self) -> str:
        """What was printed."""
        return "".join(output.text for output in self.outputs if output.output_type == "stream")

    @property
    def tables(self) -> str:
        return "".join(output.data.get("text/html", "") for output in self.outputs if "data" in output)

    @property
    def pictures(self) -> int:
        return sum("image/png" in output.data for output in self.outputs if "data" in output)

    @property
    def sounds(self) -> int:
        return self.tables.count("<audio")


def kept(name: str) -> Any:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)  # type: ignore[no-untyped-call]


def execute(name: str, command: Desta, **parameters: str) -> Shown:
    """Run a notebook where Jupyter would, with a home that is named from the root of the repository."""
    notebook = kept(name)
    for parameter, value in parameters.items():
        (cell,) = (c for c in notebook.cells if re.search(rf"^{parameter} = None\b", c.source, re.MULTILINE))
        cell.source = cell.source.replace(f"{parameter} = None", f"{parameter} = {value!r}")
    home = os.path.relpath(command.home.root, REPOSITORY)
    environment = {**command.environment, "DESTA_HOME": home, "PYTHONPATH": str(REPOSITORY)}
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}})
    client.execute(env=environment)
    return Shown(tuple(output for cell in notebook.cells for output in cell.get("outputs", ())))


def report_of(status: Any) -> Any:
    return json.loads(
        (Path(status["stages"]["evaluate_model"]["outputs"]["report"]["path"]) / "report.json").read_bytes()
    )


def read(status: Any, stage: str, kind: str, record: Any) -> list[Any]:
    return list(open_artifact(Path(status["stages"][stage]["outputs"][kind]["path"]), kind).read(record))


@pytest.mark.parametrize("name", [QUICKSTART, EXPLORE, COMPARE, AUDIT])
def test_a_notebook_is_kept_without_what_it_showed(name: str) -> None:
    notebook = kept(name)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    for cell in notebook.cells:
        assert not cell.metadata
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_every_notebook_has_a_number_and_a_question_and_is_executed_here() -> None:
    assert sorted(file.stem for file in FOLDER.glob("**/*.ipynb")) == [QUICKSTART, EXPLORE, COMPARE, AUDIT]
    assert all(re.fullmatch(r"\d\d-[a-z]+(-[a-z]+)*", name) for name in (QUICKSTART, EXPLORE, COMPARE, AUDIT))


def test_the_quickstart_shows_a_run_plays_two_held_out_clips_and_asks_its_model(undisturbed: tuple[Desta, Any]) -> None:
    command, status = undisturbed
    shown = execute(QUICKSTART, command, RUN=status["run_id"])
    assert f"run {status['run_id']} (smoke): succeeded" in shown.text
    for name, stage in status["stages"].items():
        assert re.search(
            rf"<th>{name}</th>.*?<td>{stage['rows_in']}</td>\s*<td>{stage['rows_out']}</td>", shown.tables, re.DOTALL
        )
    for name, value in report_of(status)["figures"].items():
        if name in status["metrics"]:
            assert re.search(rf"<th>{name}</th>\s*<td>{value['value']:.4f}</td>", shown.tables)
    assert "champion: 1 the first model that passed the gate" in shown.text

    told = read(status, "extract_metadata", "descriptions", Description)
    heard = {each.clip_id: each for each in told if f"clip {each.clip_id[:12]}: {each.domain}" in shown.text}
    assert [each.split for each in heard.values()] == [Split.EVALUATION] * 2
    assert all(each.seed_description in shown.text for each in heard.values())
    assert len({each.domain for each in heard.values()}) == shown.sounds == 2
    model = DestaModel.from_pretrained(status["run_id"], home=command.home, models=command.models)
    question = "<|AUDIO|>\n\nWhat do you hear in this recording?"
    for clip in read(status, "ingest_audio", "clips", Clip):
        if clip.clip_id in heard:
            message = {"role": "user", "content": question, "audios": [{"audio": clip.audio.bytes}]}
            (answer,) = model.generate([message], do_sample=False, max_new_tokens=24)
            assert f"{answer.text}\n" in shown.text


def test_a_run_is_explored_from_its_refusals_to_the_file_behind_an_answer(undisturbed: tuple[Desta, Any]) -> None:
    command, status = undisturbed
    shown = execute(EXPLORE, command, RUN=status["run_id"])
    stages = status["stages"]
    for stage in stages.values():
        for kind, output in stage["outputs"].items():
            assert re.search(
                rf"<th>{kind}</th>\s*<td>{stage['rows_in']}</td>\s*<td>{stage['rows_out']}</td>", shown.tables
            )
            assert output["digest"] in shown.tables
    accepted = Path(stages["validate_data"]["outputs"]["accepted"]["path"])
    refused = {each.reason for each in open_artifact(accepted, "accepted").read_quarantine(RefusedSample)}
    assert refused
    assert all(f"<td>{reason}</td>" in shown.tables for reason in refused)
    for name, value in report_of(status)["figures"].items():
        if value["low"] is None:
            assert re.search(rf"<th>{name}</th>\s*<td>{value['value']:.4f}</td>", shown.tables)
    assert shown.pictures == 3

    samples = {sample.sample_id: sample for sample in read(status, "validate_data", "accepted", Sample)}
    (traced,) = (sample for sample_id, sample in samples.items() if sample_id in shown.tables)
    (clip,) = (clip for clip in read(status, "ingest_audio", "clips", Clip) if clip.clip_id == traced.clip_id)
    assert clip.clip_id in shown.tables
    assert clip.source.sha256 in shown.tables
    assert f"target:    {traced.response}" in shown.text
    assert "the file is unchanged" in shown.text
    assert "<td>False</td>" not in shown.tables
    client = MlflowClient(command.home.tracking_uri, command.home.tracking_uri)
    version = client.get_model_version("desta-adapter", status["model"]["version"])
    assert version.run_id in shown.tables


def test_a_model_alone_is_compared_with_its_baselines(undisturbed: tuple[Desta, Any]) -> None:
    command, status = undisturbed
    shown = execute(COMPARE, command, OURS=status["run_id"])
    assert f"run {status['run_id']} beside its own baselines" in shown.text
    for name, value in report_of(status)["figures"].items():
        assert re.search(rf"<th>{name}</th>\s*<td>{value['value']:.3f}\b", shown.tables)
    assert shown.pictures == 1
    folder = Path(status["stages"]["evaluate_model"]["outputs"]["report"]["path"])
    questions = read_findings(open_artifact(folder, "report")).questions.values()
    asked = sum(bool(entry.item.choices) for entry in questions)
    assert re.search(rf"of {asked} questions \d+ were answered differently", shown.text)
    assert "version 1 was champion: the first model that passed the gate" in shown.text


@pytest.fixture(scope="module")
def two_models(undisturbed: tuple[Desta, Any], desta: Callable[[], Desta]) -> tuple[Desta, Any, Any]:
    """A home with the same run, which finds all it needs, and one whose model was trained for a step."""
    reference, _ = undisturbed
    command = desta()
    for folder in ("store", "features"):
        shutil.copytree(reference.home.root / folder, command.home.root / folder)
    earlier = command.run()
    # It may hear worse than the champion, which ends a run with exit code 3.
    _, said = (process := command.start("run", "--profile", "smoke", *SMALLER)).communicate()
    assert process.returncode in {0, 3}, said
    return command, earlier, command.json("status")


def test_two_models_are_compared_on_what_both_were_asked(two_models: tuple[Desta, Any, Any]) -> None:
    command, earlier, newest = two_models
    shown = execute(COMPARE, command)
    assert f"run {newest['run_id']} beside run {earlier['run_id']}" in shown.text
    comparison = json.loads((command.home.runs / newest["run_id"] / "champion" / "comparison.json").read_bytes())
    assert f"asked of both: {comparison['shared']}" in shown.text
    for name, value in report_of(newest)["figures"].items():
        other = report_of(earlier)["figures"][name]
        both = rf"<td>{value['value']:.3f}\b.*?</td>\s*<td>{other['value']:.3f}\b"
        assert re.search(rf"<th>{name}</th>\s*{both}", shown.tables)
    assert shown.pictures == 1
    assert shown.sounds == len(re.findall(r"^  right: ", shown.text, re.MULTILINE))
    champion = newest["champion"]
    assert f"version {champion['version']} was champion: {champion['reason']}" in shown.text
    for change in command.json("champion")["history"]:
        assert change["reason"] in shown.text


def test_an_auditor_follows_an_answer_back_and_a_voice_forth_and_plans_its_erasure(
    undisturbed: tuple[Desta, Any],
) -> None:
    command, status = undisturbed
    shown = execute(AUDIT, command, RUN=status["run_id"])
    assert f"run {status['run_id']} is what it recorded" in shown.text
    for stage in status["stages"].values():
        assert all(output["digest"] in shown.tables for output in stage["outputs"].values())
    assert re.search(r"\d+ entries, each with the digest of the one before it", shown.text)
    assert "run_ended" in shown.tables

    assert re.search(r"\d+ steps, 0 of them not here", shown.text)
    clips = {clip.clip_id: clip for clip in read(status, "ingest_audio", "clips", Clip)}
    answers = read(status, "evaluate_model", "report", Answer)
    (answer,) = (each for each in answers if each.sample_id in shown.tables)
    clip = clips[answer.clip_id]
    assert f"{clip.source.corpus}/{clip.source.path} ({clip.licence})" in shown.text
    assert f"target, by the backbone: {answer.target}" in shown.text
    assert shown.sounds == 1

    (voice,) = re.findall(r"^speaker (.+): \d+ clips, \d+ samples$", shown.text, re.MULTILINE)
    spoken = {clip_id for clip_id, each in clips.items() if each.speaker_id == voice}
    accepted = read(status, "validate_data", "accepted", Sample)
    learned = sum(each.clip_id in spoken and each.split is Split.TRAIN for each in accepted)
    assert f"speaker {voice}: {len(spoken)} clips" in shown.text
    assert f"learned from {learned}" in shown.text
    assert f"erase speaker {voice} (consent was taken back)" in shown.text
    assert "THE CHAMPION" in shown.text
    assert list(read(status, "ingest_audio", "clips", Clip)) == list(clips.values())
