"""A plan says what would run and why, without running it."""

from dataclasses import replace
from pathlib import Path

import pytest

from components.core import digests, execution
from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from components.core.models.store import StoredModel
from components.core.stages import STAGES
from pipelines.plan import StagePlan, plan
from pipelines.profiles import Profile, smoke, with_overrides
from pipelines.revision import sources_of
from tests.pipelines.results import finish_stages, make_corpus

NAMES = [stage.name for stage in STAGES]


@pytest.fixture
def profile(tmp_path: Path, encoder: StoredModel, llm: StoredModel) -> Profile:
    return replace(smoke(), corpora=(make_corpus(tmp_path / "mine"),), encoder=encoder.ref, llm=llm.ref)


@pytest.fixture
def finished(home: Home, profile: Profile) -> Profile:
    finish_stages(home, profile)
    return profile


def _runs(stages: dict[str, StagePlan]) -> list[str]:
    return [name for name, stage in stages.items() if stage.action == "run"]


def test_what_was_never_run_runs(home: Home, profile: Profile) -> None:
    stages = plan(profile, home)
    assert _runs(stages) == NAMES
    assert all(stage.because == ("never run",) for stage in stages.values())


def test_what_did_not_change_is_reused(home: Home, finished: Profile) -> None:
    stages = plan(finished, home)
    assert _runs(stages) == []
    assert all(stage.because for stage in stages.values())


def test_a_changed_setting_is_named_and_what_follows_from_it_runs_too(home: Home, finished: Profile) -> None:
    before = finished.self_generate.max_tokens
    stages = plan(with_overrides(finished, [f"self_generate.max_tokens={before + 8}"]), home)
    assert _runs(stages) == ["self_generate", "validate_data", "train_model", "evaluate_model"]
    assert stages["self_generate"].because == (f"setting max_tokens {before} → {before + 8}",)
    assert stages["validate_data"].because == ("input samples changes because self_generate runs",)
    assert stages["evaluate_model"].because == (
        "input model changes because train_model runs",
        "input accepted changes because validate_data runs",
    )


def test_a_changed_threshold_of_the_policy_is_named_alone(home: Home, finished: Profile) -> None:
    stages = plan(with_overrides(finished, ["validate_data.thresholds=gates.max_nll=3"]), home)
    assert stages["validate_data"].because == ("setting policy.gates.max_nll 2.0 → 3.0",)


def test_a_changed_file_of_a_corpus_is_seen_by_its_content(home: Home, finished: Profile) -> None:
    sound = finished.corpora[0] / "a.flac"
    sound.write_bytes(sound.read_bytes())
    assert _runs(plan(finished, home)) == []
    sound.write_bytes(sound.read_bytes()[:-1])
    assert plan(finished, home)["ingest_audio"].because == ("corpus mine changed",)


def test_another_corpus_is_named(home: Home, finished: Profile, tmp_path: Path) -> None:
    other = make_corpus(tmp_path / "other", hertz=880.0)
    because = plan(replace(finished, corpora=(other,)), home)["ingest_audio"].because
    assert because == ("corpus mine is gone", "corpus other is new")


def test_changed_code_of_one_stage_is_seen_in_that_stage(
    home: Home, finished: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, changed = digests.code_digest, "components.train_model"
    monkeypatch.setattr(execution, "code_digest", lambda *of: "f" * 64 if changed in of else before(*of))
    stages = plan(finished, home)
    assert _runs(stages) == ["train_model", "evaluate_model"]
    assert stages["train_model"].because == ("code of components.core or components.train_model changed",)


def test_a_model_that_is_not_in_the_store_yet_is_no_error(home: Home, finished: Profile) -> None:
    because = plan(replace(finished, llm="hf://org/llm@1"), home)["self_generate"].because
    assert because == ("model llm is not in the store yet: the run brings hf://org/llm@1",)


def test_another_model_is_seen_by_its_digest(home: Home, finished: Profile, encoder: StoredModel) -> None:
    stages = plan(replace(finished, llm=encoder.ref), home)
    assert stages["self_generate"].because == ("model llm changed",)
    assert stages["extract_metadata"].action == "reuse"


def test_unfinished_work_is_announced(home: Home, finished: Profile) -> None:
    changed = with_overrides(finished, ["ingest_audio.seed=7"])
    key = execution.lineage_of(STAGES[0], changed.ingest_audio, {}, {}, _sources(changed, home)).key
    (home.work / "ingest_audio" / key).mkdir(parents=True)
    (home.work / "ingest_audio" / key / "part").touch()
    assert plan(changed, home)["ingest_audio"].because == (
        f"setting seed {finished.ingest_audio.seed} → 7",
        "an earlier run did not finish it: what is done is taken up",
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"llm": "hf:/typo"}, "model reference 'hf:/typo'"),
        ({"corpora": (Path("/nowhere"),)}, "/nowhere: no such folder"),
    ],
)
def test_what_cannot_be_is_one_line(home: Home, profile: Profile, change: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        plan(replace(profile, **change), home)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def _sources(profile: Profile, home: Home) -> dict[str, str]:
    return dict(sources_of(profile.corpora, home))
