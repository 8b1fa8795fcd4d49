"""A run may start from accepted samples that were published: from their revision, verified, and traceable."""

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from components.core.contracts.errors import ConfigurationError, ContractError, SourceError
from components.core.home import Home
from components.core.models.store import StoredModel
from components.core.runs import read_run, run_dirs
from pipelines.cli import parser
from pipelines.export.accepted import accepted_dataset, run_to_export
from pipelines.openlineage.telling import events_file
from pipelines.plan import plan
from pipelines.profiles import Profile, smoke
from pipelines.publish.published import LATER, Published, PublishedRecord, open_published
from pipelines.publish.publishing import Request, publish
from pipelines.request import requested_profile
from pipelines.run import run
from pipelines.sample_data import pointed_to
from pipelines.status import status_of
from tests.pipelines.export.making import SAMPLES, make_run
from tests.pipelines.openlineage.validation import check
from tests.pipelines.publish.conftest import git
from tests.pipelines.results import finish_stages, make_corpus


def _publish(home: Home, checkout: Path, run_id: str, *, tag: str) -> str:
    """Publish a run as `spring`, commit it, and return the revision."""
    publish(Request(run_id=run_id, name="spring", push=False), home, checkout)
    git(checkout, "commit", "--quiet", "-am", f"Publish {run_id}")
    git(checkout, "tag", tag)
    return pointed_to((checkout / "data.dvc").read_text())


def test_a_revision_is_found_by_its_md5_and_by_what_git_calls_it(home: Home, checkout: Path) -> None:
    older = make_run(home, "r1")["validate_data"].digest
    first = _publish(home, checkout, "r1", tag="v1")
    shutil.rmtree(checkout / "data" / "published" / "spring")
    newer = make_run(home, "r2", SAMPLES[:2])["validate_data"].digest
    second = _publish(home, checkout, "r2", tag="v2")

    for reference, digest, revision in [
        ("spring", newer, second),
        (f"spring@{second}", newer, second),
        (f"spring@{first}", older, first),
        (f"spring@{first.removesuffix('.dir')}", older, first),
        ("spring@v1", older, first),
        ("spring@HEAD", newer, second),
    ]:
        found = open_published(reference, home, checkout)
        assert (found.record.accepted, found.revision) == (digest, revision), reference
        assert found.results["validate_data"].digest == digest


@pytest.mark.parametrize(
    ("reference", "error", "said"),
    [
        ("winter", ConfigurationError, "no such published dataset; there are: spring"),
        ("spring@v9", ConfigurationError, "revision v9: no commit, branch or tag"),
        (f"spring@{'0' * 32}.dir", ConfigurationError, "nor an md5 that a committed one held"),
        ("winter@v0", SourceError, "DVC cannot get data/published/winter of "),
        ("../spring", ConfigurationError, "name '../spring': want letters"),
    ],
)
def test_a_dataset_or_revision_that_is_not_there_is_one_line(
    reference: str, error: type[Exception], said: str, home: Home, checkout: Path
) -> None:
    git(checkout, "tag", "v0")
    make_run(home)
    _publish(home, checkout, "r1", tag="v1")
    with pytest.raises(error) as caught:
        open_published(reference, home, checkout)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list((home.root / "published").glob("*/*")) if (home.root / "published").exists() else True


def test_a_published_dataset_that_was_changed_by_hand_is_an_error(home: Home, checkout: Path) -> None:
    make_run(home)
    _publish(home, checkout, "r1", tag="v1")
    folder = checkout / "data" / "published" / "spring"
    other = make_run(home, "r2", SAMPLES[:2])["validate_data"].folder
    shutil.rmtree(folder / "accepted")
    shutil.copytree(other, folder / "accepted")
    with pytest.raises(ContractError, match=r"accepted: is not what .*published\.json names"):
        open_published("spring", home, checkout)
    (folder / "published.json").write_text("{}")
    with pytest.raises(ContractError, match="not the record of a published dataset"):
        open_published("spring", home, checkout)


def _asked(*argv: str) -> argparse.Namespace:
    return parser().parse_args(["run", "--profile", "smoke", "--from-published", "spring", *argv])


def test_what_such_a_run_would_ignore_is_an_error(
    home: Home, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(home)
    _publish(home, checkout, "r1", tag="v1")
    monkeypatch.setattr("pipelines.request.ROOT", checkout)
    with pytest.raises(ConfigurationError, match="--corpus: a run --from-published reads no corpora"):
        requested_profile(_asked("--corpus", str(tmp_path)))
    with pytest.raises(ConfigurationError, match=r"--set self_generate\.max_tokens=9: .* does not run that stage"):
        requested_profile(_asked("--set", "self_generate.max_tokens=9"))
    profile = requested_profile(_asked("--set", "train_model.steps=9"))
    assert profile.train_model.steps == 9
    assert profile.stages == LATER
    assert set(profile.parameters("")) == {
        "accepted", "clips", "encoder", "llm", "train_model_settings", "evaluate_model_settings"
    }  # fmt: skip


@pytest.fixture
def finished(home: Home, tmp_path: Path, encoder: StoredModel, llm: StoredModel) -> Profile:
    """A profile whose stages are all in the store, and that starts from two of their results."""
    profile = replace(smoke(), corpora=(make_corpus(tmp_path / "mine"),), encoder=encoder.ref, llm=llm.ref)
    made = finish_stages(home, profile)
    results = {stage: made[stage] for stage in ("ingest_audio", "validate_data")}
    record = PublishedRecord(
        name="spring",
        run_id="r1",
        data_revision="corpora:abc",
        code_version="c",
        llm=llm.ref,
        accepted=results["validate_data"].digest,
        clips=results["ingest_audio"].digest,
    )
    return replace(profile, corpora=(), published=Published(record=record, revision="0.dir", results=results))


def test_a_plan_says_that_what_was_trained_on_the_same_samples_is_reused(home: Home, finished: Profile) -> None:
    stages = plan(finished, home)
    assert {name: stage.action for name, stage in stages.items()} == {"train_model": "reuse", "evaluate_model": "reuse"}
    changed = replace(finished, train_model=finished.train_model.model_copy(update={"steps": 7}))
    assert {stage.action for stage in plan(changed, home).values()} == {"run"}


def test_a_run_goes_through_training_and_evaluation_alone_and_says_what_it_read(home: Home, finished: Profile) -> None:
    run_dir, ending = run(finished, home)
    assert ending.error is None
    status, record = status_of(run_dir), read_run(run_dir)
    assert finished.published is not None
    accepted = finished.published.record.accepted
    assert record.data_revision == f"dvc:0.dir published:spring accepted:{accepted}"
    assert {name: stage.state for name, stage in status.stages.items()} == {
        "ingest_audio": "succeeded",
        "extract_metadata": "skipped",
        "self_generate": "skipped",
        "validate_data": "succeeded",
        "train_model": "succeeded",
        "evaluate_model": "succeeded",
    }
    assert all(stage.reused for stage in status.stages.values() if stage.state == "succeeded")
    assert status.stages["validate_data"].outputs["accepted"].digest == accepted
    assert run_dirs(home.runs) == [run_dir]
    events = [json.loads(line) for line in events_file(run_dir).read_text().splitlines()]
    for event in events:
        check(event)
    own = ["alignment.train_model"] * 2 + ["alignment.evaluate_model"] * 2
    assert [event["job"]["name"] for event in events] == ["alignment", *own, "alignment"]

    client = MlflowClient(home.tracking_uri, home.tracking_uri)
    assert client.get_run(str(status.mlflow_run_id)).data.tags["desta.data_revision"] == record.data_revision
    version = client.get_model_version("desta-adapter", str(status.model["version"]))
    assert version.tags["desta.input.accepted"] == accepted
    with pytest.raises(ConfigurationError, match=r"made no data, it took dvc:0\.dir published:spring"):
        accepted_dataset(home, run_dir)
    with pytest.raises(ConfigurationError, match="no run has succeeded"):
        run_to_export(home, None)
