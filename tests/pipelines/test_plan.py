"""A plan says what would run and why, without running it."""

from dataclasses import replace
from pathlib import Path

import pytest

from components.core import digests, execution
from components.core.contracts.errors import ConfigurationError, ExitCode
from components.core.home import Home
from components.core.models.store import StoredModel
from components.core.stages import STAGES
from pipelines.cli import main
from pipelines.plan import StagePlan, plan
from pipelines.profiles import Profile, smoke, with_overrides
from pipelines.publish.published import Published, PublishedRecord
from pipelines.revision import sources_of
from tests.pipelines.export.making import make_artifacts
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


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_use_that_a_corpus_forbids_ends_plan_and_run_before_anything_is_computed(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    corpus = make_corpus(tmp_path / "mine")
    (corpus / "metadata.csv").write_text("path,licence\na.flac,CC-BY-NC-4.0\n")
    for use, code in (("commercial", ExitCode.USAGE), ("conquest", ExitCode.USAGE)):
        with pytest.raises(SystemExit) as ended:
            main([command, "--profile", "smoke", "--corpus", str(corpus), "--use", use])
        assert ended.value.code == code
    said = capsys.readouterr().err
    assert "train_model.use: Input should be 'research' or 'commercial', got 'conquest'" in said
    assert "use commercial: 1 corpus forbids it: mine: licence CC-BY-NC-4.0 forbids it (1 row: mine/a.flac)" in said
    assert not home.root.exists()


def test_a_published_dataset_is_held_to_the_use_by_its_clips(home: Home, tmp_path: Path) -> None:
    results = make_artifacts(tmp_path)
    record = PublishedRecord(
        name="spring", run_id="r1", data_revision="x", code_version="c", llm="l", accepted="a" * 64, clips="b" * 64
    )
    published = Published(record=record, revision="0.dir", results=results)
    profile = replace(smoke(), corpora=(), published=published)
    with pytest.raises(ConfigurationError, match=r"bells: licence 'LicenseRef-Bells' is not known.*bells/900\.flac"):
        plan(with_overrides(profile, ["train_model.use=commercial"]), home)


def test_what_a_run_is_meant_for_is_a_setting_of_the_model_and_in_the_record(home: Home, finished: Profile) -> None:
    meant = with_overrides(finished, ["train_model.use=commercial"])
    assert plan(meant, home)["train_model"].because == ("setting use research → commercial",)
    assert meant.parameters("")["train_model_settings"]["use"] == "commercial"


def _sources(profile: Profile, home: Home) -> dict[str, str]:
    return dict(sources_of(profile.corpora, home))
