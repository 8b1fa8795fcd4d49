"""A retrain is due for a reason that is named, and without one it is not."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from components.core import digests, execution
from components.core.contracts.artifacts import Artifact, Manifest
from components.core.home import Home
from components.core.models.store import StoredModel
from components.core.registry import ERASED, Decider, Registry
from components.core.runs import State, write_run
from components.core.stages import Stage
from pipelines.profiles import Profile, smoke, with_overrides
from pipelines.schedule import due
from pipelines.schedule.due import Due, Verdict, verdict_of
from tests.pipelines.results import finish_stages, make_corpus, make_run_record

SHIFT = "speaker shares changed by 0.40 (at most 0.2): a 90% → a 50%"


@pytest.fixture
def profile(tmp_path: Path, encoder: StoredModel, llm: StoredModel) -> Profile:
    return replace(smoke(), corpora=(make_corpus(tmp_path / "mine"),), encoder=encoder.ref, llm=llm.ref)


@pytest.fixture
def finished(home: Home, profile: Profile, monkeypatch: pytest.MonkeyPatch) -> Profile:
    _run(home, profile, monkeypatch, "r1")
    return profile


def _run(
    home: Home, profile: Profile, monkeypatch: pytest.MonkeyPatch, name: str, *, state: State = State.SUCCEEDED
) -> dict[str, Artifact]:
    """Leave a finished run, with every stage's result in the store."""
    write_run(home.runs / name, make_run_record(run_id=name, state=state, error=None if state != "failed" else "full"))
    with monkeypatch.context() as patch:
        patch.setenv("DESTA_RUN_DIR", str(home.runs / name))
        return finish_stages(home, profile)


def _kinds(verdict: Verdict) -> list[Due]:
    return [reason.kind for reason in verdict.reasons]


def test_without_a_reason_nothing_is_due(home: Home, finished: Profile) -> None:
    assert verdict_of(finished, home) == Verdict(due=False, reasons=())


def test_what_was_never_run_is_due_for_one_reason(home: Home, profile: Profile) -> None:
    verdict = verdict_of(profile, home)
    assert verdict.due
    assert _kinds(verdict) == [Due.NEVER_RUN]


def test_new_clips_are_named_with_their_corpus_and_what_follows_is_no_reason(home: Home, finished: Profile) -> None:
    sound = finished.corpora[0] / "a.flac"
    sound.write_bytes(sound.read_bytes()[:-1])
    verdict = verdict_of(finished, home)
    assert [str(reason) for reason in verdict.reasons] == ["new_clips: ingest_audio: corpus mine changed"]


def test_a_changed_setting_and_another_model_are_reasons(home: Home, finished: Profile, encoder: StoredModel) -> None:
    verdict = verdict_of(with_overrides(finished, ["train_model.steps=7"]), home)
    assert [str(reason) for reason in verdict.reasons] == ["changed_setting: train_model: setting steps 6 → 7"]
    assert Due.NEW_MODEL in _kinds(verdict_of(replace(finished, llm=encoder.ref), home))


def _change_code(monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    before = digests.code_digest
    monkeypatch.setattr(execution, "code_digest", lambda *of: "f" * 64 if f"components.{stage}" in of else before(*of))


def test_new_code_is_a_reason(home: Home, finished: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    _change_code(monkeypatch, "self_generate")
    assert [str(reason) for reason in verdict_of(finished, home).reasons] == [
        "new_code: self_generate: code of components.core or components.self_generate changed"
    ]


def test_a_changed_prompt_pool_is_told_from_new_code(
    home: Home, finished: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    _change_code(monkeypatch, "self_generate")
    latest = execution.latest_result

    def with_pools(home: Home, stage: Stage) -> Manifest:
        found = latest(home, stage)
        assert found is not None
        pools = {name: {"version": due._version(due._POOLS / f"{name}.yaml")} for name in ("speech", "sound")}
        return found.model_copy(update={"facts": {"prompt_pools": {**pools, "music": {"version": 0}}}})

    monkeypatch.setattr(due, "latest_result", with_pools)
    assert [str(reason) for reason in verdict_of(finished, home).reasons] == [
        "changed_prompts: self_generate: prompt pools changed: music"
    ]


def test_a_failed_run_is_due_again_though_nothing_changed(
    home: Home, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(home, profile, monkeypatch, "r1", state=State.FAILED)
    assert [str(reason) for reason in verdict_of(profile, home).reasons] == ["failed_run: run r1 failed: full"]


def test_a_refused_run_is_not_due_again_while_nothing_changed(
    home: Home, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(home, profile, monkeypatch, "r1", state=State.REFUSED)
    assert not verdict_of(profile, home).due


def test_the_failed_run_of_another_profile_is_no_reason(home: Home, finished: Profile) -> None:
    write_run(home.runs / "r2", make_run_record(run_id="r2", profile="sample", state=State.FAILED))
    assert not verdict_of(finished, home).due


def _register(home: Home, digest: str, **tags: str) -> None:
    """Make a model with these weights the champion."""
    client = MlflowClient(home.tracking_uri, home.tracking_uri)
    run_id = client.create_run("0").info.run_id
    registry = Registry(home)
    version = registry.add(str(home.root), run_id, {"desta.digest": digest, **tags})
    registry.move(str(version.version), "a test", Decider.HAND)


def _tell_drift(artifacts: dict[str, Artifact]) -> None:
    docs = artifacts["validate_data"].folder / "data_docs"
    docs.mkdir()
    (docs / "drift.json").write_text(json.dumps({"baseline": "b", "changes": [], "warnings": [SHIFT]}))


def test_drift_is_a_reason_until_the_champion_learned_from_it_and_an_erasure_always(
    home: Home, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One home for the whole story: MLflow takes seconds to make its database."""
    artifacts = _run(home, profile, monkeypatch, "r1")
    results = {name: next(iter((home.store / name).glob("[0-9a-f]*"))) for name in artifacts}
    _tell_drift({"validate_data": replace(artifacts["validate_data"], folder=results["validate_data"])})
    assert [str(reason) for reason in verdict_of(profile, home).reasons] == [f"drift: run r1: {SHIFT}"]
    _register(home, "0" * 64)
    assert _kinds(verdict_of(profile, home)) == [Due.DRIFT]
    _register(home, artifacts["train_model"].digest)
    assert not verdict_of(profile, home).due
    client = MlflowClient(home.tracking_uri, home.tracking_uri)
    client.set_model_version_tag("desta-adapter", "2", ERASED, "20261128-101500-1a2b")
    assert [str(reason) for reason in verdict_of(profile, home).reasons] == [
        "champion_erased: the champion learned from what erasure 20261128-101500-1a2b took away"
    ]
    _register(home, artifacts["train_model"].digest)
    assert not verdict_of(profile, home).due
