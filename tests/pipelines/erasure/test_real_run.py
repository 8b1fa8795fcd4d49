"""A speaker of the real smoke run is erased from a copy of its home: nothing is left, and the next run trains again."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.artifacts import Artifact, open_artifact
from components.core.contracts.records import Clip, Sample
from components.core.home import Home
from components.core.stages import STAGES, stage_named
from pipelines import sample_data
from pipelines.plan import plan
from pipelines.profiles import smoke
from pipelines.verify import verify
from tests.conftest import MODELS, REPOSITORY
from tests.desta_command import Desta
from tests.pipelines.erasure.doing import certificate_in, desta, erase, left_in
from tests.pipelines.erasure.looking import samples_in, traces_below
from tests.pipelines.publish.conftest import git

pytestmark = pytest.mark.timeout(1800)

SPEAKER = "asterisk-fr"
"""Who said everything in one corpus, of which the smoke run takes a clip to train on."""
_LONG = 24


@pytest.fixture
def copy(undisturbed: tuple[Desta, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home of its own with all but MLflow, whose records name what is in it."""
    original = undisturbed[0].home.root
    home = Home(tmp_path / "home")
    shutil.copytree(original, home.root, ignore=shutil.ignore_patterns("mlflow.db", "mlartifacts", "models"))
    for file in home.runs.glob("*/stages/*.json"):
        file.write_text(file.read_text().replace(str(original), str(home.root)))
    monkeypatch.setenv("DESTA_HOME", str(home.root))
    monkeypatch.setenv("DESTA_MODELS", str(MODELS))
    return home


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two of the sample corpora, kept by DVC with a remote beside it."""
    from dvc.repo import Repo

    root = tmp_path / "root"
    for name in (SPEAKER, "sphinx-cards"):
        shutil.copytree(REPOSITORY / "data" / "corpora" / name, root / "data" / "corpora" / name)
    git(tmp_path, "init", "--quiet", str(root))
    (root / ".gitignore").write_text("/data\n")
    with Repo.init(str(root)):
        remote = "[core]\n    remote = shared\n['remote \"shared\"']\n    url = ../../remote\n"
        (root / ".dvc" / "config").write_text(remote)
    with Repo(str(root)) as repository:
        repository.add([str(root / "data")])
        repository.push()
    monkeypatch.setattr(sample_data, "ROOT", root)
    return root


def result(home: Home, stage: str) -> Artifact:
    (manifest,) = (home.store / stage).glob("[!.]*/manifest.json")
    return open_artifact(manifest.parent, stage_named(stage).output)


def test_nothing_is_left_of_a_speaker_of_the_real_run(copy: Home, checkout: Path) -> None:
    hers = [clip for clip in result(copy, "ingest_audio").read(Clip) if clip.speaker_id == SPEAKER]
    ids = {clip.clip_id for clip in hers}
    about = [sample for sample in result(copy, "self_generate").read(Sample) if sample.clip_id in ids]
    telling = {samples_in(clip.audio.bytes) for clip in hers} | {sample.sample_id.encode() for sample in about}
    for clip in hers:
        telling |= {clip.clip_id.encode(), clip.source.sha256.encode(), str(clip.transcript).encode()}
    telling |= {sample.response.encode() for sample in about if len(sample.response) >= _LONG}
    assert list(traces_below(copy.store, telling))

    assert erase("--speaker", SPEAKER) == 0

    assert left_in(copy, checkout, telling) == []
    assert desta("verify", "--erased", str(certificate_in(copy))) == 0
    (run_dir,) = (file.parent for file in copy.runs.glob("*/run.json"))
    verified = {each.name: each.what for each in verify(run_dir, copy)}
    assert "2 of them erased from since" in verified["model"]
    corpora = sorted(file.parent for file in (REPOSITORY / "data" / "corpora").glob("*/corpus.yaml"))
    left = tuple(corpus for corpus in corpora if corpus.name != SPEAKER)
    planned = plan(replace(smoke(), corpora=left), copy)
    assert [planned[stage.name].action for stage in STAGES] == ["reuse"] * 4 + ["run"] * 2
