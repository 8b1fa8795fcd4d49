"""After a run whose model passed its gate the policy decides about the champion; people decide by hand."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from components.core.contracts.artifacts import open_artifact
from components.core.home import Home
from components.core.inference.choosing import chosen_model
from components.core.models.store import StoredModel
from components.core.registry import ERASED, EVALUATION, EVALUATION_RUN, MODEL_NAME, Decider, Registry
from components.core.runs import State, read_run, read_stage, read_tracking, write_run
from components.core.tracking import RunTracking
from pipelines import succession
from pipelines.cli import main
from pipelines.ending import Ending, ending_of
from pipelines.profiles import Profile, smoke
from pipelines.status import status_of
from pipelines.track import Tracker
from tests.pipelines.results import finish_stages, make_corpus, make_run_record

WORSE = "regression.accuracy: 0.4 beside 0.6 of the champion, over 12 shared items"


@dataclass
class Comparing:
    """Takes the place of the stage's command: ends as it is told to, and remembers what it was asked."""

    code: int = 0
    refusals: tuple[str, ...] = ()
    asked: list[tuple[Path, str]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def __call__(self, champion_report: Path, name: str, run_dir: Path) -> int:
        self.asked.append((champion_report, name))
        artifact = open_artifact(champion_report, "report")
        self.seen.add(artifact.digest)
        folder = run_dir / succession.FOLDER
        folder.mkdir()
        (folder / "comparison.json").write_text(json.dumps({"refusals": self.refusals}))
        (folder / "report.html").write_text("<p>side by side</p>")
        return self.code


@dataclass(frozen=True)
class Desta:
    """A home where runs conclude whose stages were done by one file each."""

    home: Home
    profile: Profile
    patch: pytest.MonkeyPatch

    def conclude(self, name: str, word: str, *, refusals: tuple[str, ...] = ()) -> Ending:
        """Let a run come to its end, with the model that `word` makes."""
        return self.end(self.start(name, word, refusals))

    def end(self, run_dir: Path) -> Ending:
        with Tracker(self.home, run_dir, []) as tracker:
            return tracker.close(ending_of(run_dir, 0))

    def start(self, name: str, word: str, refusals: tuple[str, ...] = ()) -> Path:
        run_dir = self.home.runs / name
        write_run(run_dir, make_run_record(run_id=name, state=State.RUNNING))
        corpus = self.home.root / word
        corpora = (corpus if corpus.is_dir() else make_corpus(corpus, hertz=200.0 + 10 * len(word)),)
        with self.patch.context() as patch:
            patch.setenv("DESTA_RUN_DIR", str(run_dir))
            gates = {"evaluate_model": refusals}
            finish_stages(self.home, replace(self.profile, corpora=corpora), gates, word=word)
        return run_dir

    @property
    def registry(self) -> Registry:
        return Registry(self.home)

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(self.home.tracking_uri, self.home.tracking_uri)

    def parent(self, name: str) -> Run:
        tracking = read_tracking(self.home.runs / name)
        assert tracking is not None
        return self.client.get_run(tracking.mlflow_run_id)

    def report(self, name: str) -> Path:
        record = read_stage(self.home.runs / name, "evaluate_model")
        assert record is not None
        return Path(record.outputs["report"].path)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database without a run, which takes seconds to make."""
    file = tmp_path_factory.mktemp("empty") / "mlflow.db"
    MlflowClient(f"sqlite:///{file}", f"sqlite:///{file}").search_registered_models()
    return file


@pytest.fixture
def desta(database: Path, home: Home, encoder: StoredModel, llm: StoredModel, monkeypatch: pytest.MonkeyPatch) -> Desta:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    home.root.mkdir()
    shutil.copy(database, home.root)
    client = MlflowClient(home.tracking_uri, home.tracking_uri)
    # MLflow's database was made elsewhere, and so was the place of what belongs to no experiment of ours.
    client.create_experiment("desta", (home.root / "mlartifacts").as_uri())
    return Desta(home, replace(smoke(), encoder=encoder.ref, llm=llm.ref), monkeypatch)


@pytest.fixture
def comparing(monkeypatch: pytest.MonkeyPatch) -> Comparing:
    comparing = Comparing()
    monkeypatch.setattr(succession, "compare", comparing)
    return comparing


def test_the_first_model_that_passes_becomes_champion_and_stays_it(desta: Desta, comparing: Comparing) -> None:
    for name in ("r1", "r2"):
        assert desta.conclude(name, "one") == Ending(State.SUCCEEDED, 0)
        assert desta.registry.champion == "1"
        assert desta.parent(name).data.tags["desta.champion"] == "1"
        assert read_run(desta.home.runs / name).state is State.SUCCEEDED
    (change,) = desta.registry.history
    assert (change.previous, change.by, change.run_id) == (None, Decider.POLICY, "r1")
    assert change.reason == "the first model that passed the gate"
    assert status_of(desta.home.runs / "r2").champion == {"version": "1", "reason": "the champion already"}
    assert comparing.asked == []
    record = read_stage(desta.home.runs / "r1", "train_model")
    assert record is not None
    assert chosen_model("desta-adapter@champion", desta.home) == Path(record.outputs["model"].path)


def test_a_model_that_is_not_worse_takes_the_champions_place(desta: Desta, comparing: Comparing) -> None:
    desta.conclude("r1", "one")
    assert desta.conclude("r2", "another") == Ending(State.SUCCEEDED, 0)
    assert desta.registry.champion == "2"
    assert desta.registry.history[-1].reason == "passed the policy beside version 1"
    assert comparing.asked == [(desta.report("r1"), "version 1")]
    parent = desta.parent("r2")
    assert parent.data.tags["desta.champion.reason"] == "passed the policy beside version 1"
    found = {artifact.path for artifact in desta.client.list_artifacts(parent.info.run_id, "champion")}
    assert found == {"champion/comparison.json", "champion/report.html"}
    assert {path.name for path in (desta.home.runs / "r2" / "champion").iterdir()} == {"comparison.json", "report.html"}


def test_a_model_that_is_worse_is_refused_and_the_champion_stays(desta: Desta, comparing: Comparing) -> None:
    desta.conclude("r1", "one")
    comparing.code, comparing.refusals = 3, (WORSE,)
    for name in ("r2", "r3"):
        ending = desta.conclude(name, "another")
        assert ending == Ending(State.REFUSED, 3, f"champion: version 1 stays: {WORSE}")
        run, parent = read_run(desta.home.runs / name), desta.parent(name)
        assert (run.state, run.error) == (State.REFUSED, ending.error)
        assert (parent.info.status, parent.data.tags["desta.state"]) == ("FINISHED", "refused")
        assert (parent.data.tags["desta.champion"], parent.data.tags["desta.champion.reason"]) == ("1", WORSE)
    status = status_of(desta.home.runs / "r2")
    assert (status.model["version"], status.gate.passed, status.gate.reasons) == ("2", False, (WORSE,))
    assert (desta.registry.champion, len(desta.registry.history)) == ("1", 1)


def test_a_refusal_says_when_the_champion_learned_from_what_was_erased(desta: Desta, comparing: Comparing) -> None:
    desta.conclude("r1", "one")
    desta.registry.describe("1", "", {ERASED: "20261128-101500-1a2b"})
    comparing.code, comparing.refusals = 3, (WORSE,)
    ending = desta.conclude("r2", "another")
    assert ending.error == (
        f"champion: version 1 stays: {WORSE}; it learned from what erasure 20261128-101500-1a2b took away; "
        "`desta promote 2 --reason TEXT` makes it champion by hand"
    )


def test_a_model_that_its_own_gate_refused_leaves_registry_and_champion_alone(
    desta: Desta, comparing: Comparing
) -> None:
    desta.conclude("r1", "one")
    ending = desta.conclude("r2", "another", refusals=("too deaf",))
    assert ending == Ending(State.REFUSED, 3, "evaluate_model: too deaf")
    assert [str(v.version) for v in desta.client.search_model_versions(f"name = '{MODEL_NAME}'")] == ["1"]
    assert (desta.registry.champion, comparing.asked) == ("1", [])
    assert status_of(desta.home.runs / "r2").champion == {"version": None, "reason": None}


def _lose(report: Path) -> None:
    shutil.rmtree(report)


def _damage(report: Path) -> None:
    file = report / "rows" / "some.parquet"
    file.chmod(0o644)
    file.write_bytes(b"PAR2")


@pytest.mark.parametrize("harm", [_lose, _damage])
def test_a_report_that_the_store_lost_is_fetched_from_mlflow(
    desta: Desta, comparing: Comparing, harm: Callable[[Path], None]
) -> None:
    desta.conclude("r1", "one")
    harm(desta.report("r1"))
    assert desta.conclude("r2", "another").exit_code == 0
    assert comparing.asked[0][0] != desta.report("r1")
    assert comparing.seen == {desta.registry.version("1").tags[EVALUATION]}
    assert not comparing.asked[0][0].exists()
    assert desta.registry.champion == "2"


def test_without_the_champions_report_it_stays_and_a_line_says_what_to_do(
    desta: Desta, comparing: Comparing, capsys: pytest.CaptureFixture[str]
) -> None:
    desta.conclude("r1", "one")
    shutil.rmtree(desta.report("r1"))
    run_id = desta.registry.version("1").tags[EVALUATION_RUN]
    shutil.rmtree(desta.home.root / "mlartifacts" / run_id / "artifacts" / "rows")
    capsys.readouterr()
    assert desta.conclude("r2", "another") == Ending(State.SUCCEEDED, 0)
    line = (
        "the report of version 1 is neither in the store nor in MLflow; `desta promote 2 --reason TEXT` makes it "
        "champion by hand"
    )
    assert f"champion: version 1 stays: {line}\n" in capsys.readouterr().err
    assert status_of(desta.home.runs / "r2").champion == {"version": "1", "reason": line}
    assert (desta.registry.champion, comparing.asked) == ("1", [])


@pytest.mark.parametrize(
    ("code", "written", "told"),
    [
        (1, None, "the comparison with version 1 failed: exit code 1, see .*log.txt"),
        (-9, None, "the comparison with version 1 failed: exit code -9, see .*log.txt"),
        (3, None, "comparison.json: is no comparison"),
        (3, "{", "comparison.json: is no comparison"),
        (3, '{"refusals": []}', "comparison.json: names no line of the policy"),
    ],
)
def test_a_comparison_that_fails_fails_the_run_and_moves_nothing(
    desta: Desta, monkeypatch: pytest.MonkeyPatch, code: int, written: str | None, told: str
) -> None:
    def broken(champion_report: Path, name: str, run_dir: Path) -> int:
        del champion_report, name
        (run_dir / succession.FOLDER).mkdir()
        if written is not None:
            (run_dir / succession.FOLDER / "comparison.json").write_text(written)
        return code

    desta.conclude("r1", "one")
    monkeypatch.setattr(succession, "compare", broken)
    ending = desta.conclude("r2", "another")
    assert (ending.state, ending.exit_code) == (State.FAILED, 1)
    assert ending.error is not None
    assert re.search(f"^champion: .*{told}", ending.error)
    assert "\n" not in ending.error
    assert read_run(desta.home.runs / "r2").error == ending.error
    assert (desta.parent("r2").info.status, desta.registry.champion) == ("FAILED", "1")


def test_the_real_command_is_asked_in_a_process_of_the_run_and_its_error_is_the_runs(desta: Desta) -> None:
    desta.conclude("r1", "one")
    run_dir = desta.start("r2", "another")
    _damage(desta.report("r2"))
    ending = desta.end(run_dir)
    assert (ending.state, ending.exit_code) == (State.FAILED, 1)
    line = f"{desta.report('r2') / 'rows' / 'some.parquet'}: content changed since it was written"
    assert (ending.error or "").startswith(f"champion: the comparison with version 1 failed: {line}")
    assert f"error: {line}" in (run_dir / "log.txt").read_text()


@pytest.mark.parametrize("moment", ["before the champion is asked for", "before the alias moves"])
def test_what_a_killed_driver_left_undone_the_next_run_does(desta: Desta, comparing: Comparing, moment: str) -> None:
    desta.conclude("r1", "one")
    run_dir = desta.start("r2", "another")
    model = RunTracking(desta.home, run_dir).register()
    if moment == "before the alias moves":
        with desta.patch.context() as patch:
            patch.setattr(MlflowClient, "set_registered_model_alias", _killed)
            with pytest.raises(KeyboardInterrupt):
                succession.decide(model, run_dir, desta.home)
    assert desta.registry.champion == "1"

    assert desta.conclude("r3", "another").exit_code == 0
    assert desta.registry.champion == model.version == "2"
    assert desta.registry.rollback("as before").version == "1"
    del comparing


def _killed(*arguments: Any) -> None:
    del arguments
    raise KeyboardInterrupt


def test_what_a_person_replaced_no_run_brings_back(
    desta: Desta, comparing: Comparing, capsys: pytest.CaptureFixture[str]
) -> None:
    desta.conclude("r1", "one")
    desta.conclude("r2", "another")
    desta.registry.rollback("takes rain for applause")
    asked = len(comparing.asked)
    assert desta.conclude("r3", "another").exit_code == 0
    assert desta.registry.champion == "1"
    assert len(comparing.asked) == asked
    line = "version 2 was replaced by hand (takes rain for applause)"
    assert f"champion: version 1 stays: {line}; `desta promote 2 --reason TEXT`" in capsys.readouterr().err


def _said(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(argv)
    said = capsys.readouterr()
    assert ended.value.code == code, said.err
    assert bool(said.err) is bool(code)
    return said.err if code else said.out


@pytest.fixture
def two_versions(desta: Desta) -> Desta:
    for number in "12":
        desta.registry.add("file:///nowhere", "0" * 32, {"desta.digest": number * 64})
    return desta


def test_people_promote_and_roll_back_with_a_reason(two_versions: Desta, capsys: pytest.CaptureFixture[str]) -> None:
    assert _said(capsys, "champion") == "desta-adapter has no champion\n"
    assert "version 1 (before: none)" in _said(capsys, "promote", "1", "--reason", "a start")
    assert "version 2 (before: version 1)" in _said(capsys, "promote", "desta-adapter@2", "--reason", "a try")
    assert "is the champion already" in _said(capsys, "promote", "2", "--reason", "again")
    assert "version 1 (before: version 2)" in _said(capsys, "rollback", "--reason", "no good")
    shown = json.loads(_said(capsys, "champion", "--json"))
    assert (shown["name"], shown["version"]) == ("desta-adapter", "1")
    assert [(each["version"], each["reason"], each["by"]) for each in shown["history"]] == [
        ("1", "a start", "hand"),
        ("2", "a try", "hand"),
        ("1", "no good", "hand"),
    ]
    text = _said(capsys, "champion")
    assert text.startswith("desta-adapter version 1\n\n")
    assert [line.split("  ")[-1] for line in text.splitlines()[2:]] == ["a start", "a try", "no good"]
    two_versions.client.set_registered_model_alias(MODEL_NAME, "champion", "2")
    assert "the alias does not stand where the last change put it" in _said(capsys, "champion")


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["promote", "9", "--reason", "x"], "no version 9 in the registry"),
        (["promote", "other@1", "--reason", "x"], "want a number, or desta-adapter@NUMBER"),
        (["promote", "1", "--reason", ""], "--reason: is empty"),
        (["promote", "1", "--reason", "x" * 10_000], "--reason: has 10000 characters"),
        (["rollback", "--reason", "a\nb"], "--reason: has a line break"),
        (["rollback", "--reason", "x"], "no champion before any in the history"),
    ],
)
def test_a_mistake_of_a_person_is_one_line_and_moves_nothing(
    two_versions: Desta, argv: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = _said(capsys, *argv, code=2)
    assert told in line
    assert line.count("\n") == 1
    assert (two_versions.registry.champion, two_versions.registry.history) == (None, ())
