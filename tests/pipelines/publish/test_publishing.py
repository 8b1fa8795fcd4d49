"""`desta publish` brings an accepted dataset under data/ and its next revision, whole, or says in one line why not."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from components.core.contracts.artifacts import open_artifact
from components.core.home import Home
from components.core.runs import State
from pipelines.cli import main
from pipelines.journal import Event, read_journal
from pipelines.publish.published import open_published
from pipelines.sample_data import pointed_to
from tests.pipelines.export.making import SAMPLES, make_run, write_stage
from tests.pipelines.publish.conftest import git

Damage = Callable[[Path], object]


def publish(*argv: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["publish", *argv])
    return int(str(ended.value.code))


def revision_of(checkout: Path) -> str:
    return pointed_to((checkout / "data.dvc").read_text())


def contents(checkout: Path) -> dict[str, bytes]:
    """Everything that is visible: data/, its pointer, and what Git would say of it."""
    files = [checkout / "data.dvc", *(path for path in (checkout / "data").rglob("*") if path.is_file())]
    return {str(file): file.read_bytes() for file in files}


def refuses(capsys: pytest.CaptureFixture[str], checkout: Path, code: int, said: str, *argv: str) -> None:
    """Check that nothing is published, and that one line says why."""
    before = contents(checkout)
    capsys.readouterr()
    assert publish(*argv) == code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert said in lines[0]
    assert contents(checkout) == before


def test_the_journal_tells_what_was_published_and_under_which_revision(home: Home, checkout: Path) -> None:
    made = make_run(home)
    assert publish("r1", "--name", "spring", "--dry-run") == 0
    assert read_journal(home) == []
    assert publish("r1", "--name", "spring") == 0
    begun, done = read_journal(home)
    facts = {
        "name": "spring",
        "run_id": "r1",
        "accepted": made["validate_data"].digest,
        "clips": made["ingest_audio"].digest,
        "pushed_to": "shared",
    }
    assert (begun.event, begun.facts) == (Event.PUBLICATION_STARTED, facts)
    assert (done.event, done.facts) == (Event.PUBLISHED, {**facts, "revision": revision_of(checkout)})


def test_a_published_dataset_is_complete_in_any_clone(
    home: Home, checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make_run(home)
    before = revision_of(checkout)
    assert publish("r1", "--name", "spring", "--json") == 0

    said = json.loads(capsys.readouterr().out)
    assert said["revision"] == revision_of(checkout) != before
    assert (said["name"], said["folder"], said["run_id"]) == ("spring", "data/published/spring", "r1")
    assert (said["samples"], said["pushed_to"], said["commit"]) == (4, "shared", ["data.dvc"])
    assert said["licences"] == ["CC-BY-SA-3.0", "CC0-1.0", "LicenseRef-Bells"]

    git(checkout, "commit", "--quiet", "-am", "Publish spring")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(checkout), str(clone))
    from dvc.repo import Repo

    with Repo(str(clone)) as repository:
        repository.pull()
    found = open_published("spring", home, clone)
    assert {stage: artifact.digest for stage, artifact in found.results.items()} == {
        stage: made[stage].digest for stage in ("ingest_audio", "validate_data")
    }
    assert found.data_revision == f"dvc:{said['revision']} published:spring accepted:{said['accepted']}"
    assert (clone / "data" / "corpora" / "note.txt").read_text() == "a corpus\n"
    assert "Read by the" in (clone / "data" / "published" / "spring" / "README.md").read_text()


def test_what_is_published_again_stays_as_it_is(home: Home, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = make_run(home)
    assert publish() == 0
    name = f"desta-{made['validate_data'].digest[:12]}"
    assert f"train on it: desta run --from-published {name}" in capsys.readouterr().out
    git(checkout, "commit", "--quiet", "-am", "Publish")
    before = contents(checkout)
    make_run(home, "r2")
    assert publish("r2") == 0
    assert contents(checkout) == before
    assert "git add" not in capsys.readouterr().out
    assert open_artifact(made["validate_data"].folder).digest == made["validate_data"].digest


def test_what_else_changed_in_data_is_neither_versioned_nor_lost(home: Home, checkout: Path) -> None:
    make_run(home)
    (checkout / "data" / "corpora" / "note.txt").write_text("changed\n")
    (checkout / "data" / "mine.txt").write_text("mine\n")
    assert publish("--name", "spring") == 0
    assert (checkout / "data" / "corpora" / "note.txt").read_text() == "changed\n"
    md5 = revision_of(checkout)
    listing = json.loads((checkout / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]).read_text())
    names = {entry["relpath"] for entry in listing}
    assert "mine.txt" not in names
    assert {name.split("/")[0] for name in names} == {"corpora", "published"}
    shutil.rmtree(checkout / "data")
    from dvc.repo import Repo

    with Repo(str(checkout)) as repository:
        repository.checkout(force=True)
    assert (checkout / "data" / "corpora" / "note.txt").read_text() == "a corpus\n"


def test_without_a_push_it_is_versioned_here(
    home: Home, checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(home)
    before = revision_of(checkout)
    assert publish("--no-push") == 0
    assert "on this machine only: `dvc push`" in capsys.readouterr().out
    assert revision_of(checkout) != before
    assert not (tmp_path / "remote").exists()


def test_a_dry_run_checks_everything_and_writes_nothing(
    home: Home, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(home)
    before = contents(checkout)
    assert publish("--dry-run", "--name", "spring") == 0
    assert "data/published/spring: would hold 4 samples" in capsys.readouterr().out
    assert contents(checkout) == before
    refuses(capsys, checkout, 2, "no run r9", "--dry-run", "r9")


def test_a_publication_that_was_killed_is_finished_by_the_next(home: Home, checkout: Path) -> None:
    make_run(home)
    pointer = (checkout / "data.dvc").read_bytes()
    assert publish("--no-push", "--name", "spring") == 0
    after = revision_of(checkout)
    (checkout / "data.dvc").write_bytes(pointer)  # killed after the folder had its name
    (checkout / "data" / "published" / ".winter.draft").mkdir()  # another one, killed while it was written
    assert publish("--name", "spring") == 0
    assert revision_of(checkout) == after


def test_a_run_without_accepted_samples_is_refused(
    home: Home, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refuses(capsys, checkout, 2, "no run has succeeded")
    made = make_run(home, "failed", state=State.FAILED)
    write_stage(home, "failed", "validate_data", made["validate_data"], State.FAILED)
    refuses(capsys, checkout, 2, "no run has succeeded")
    refuses(capsys, checkout, 2, "run failed: validate_data is failed", "failed")
    made = make_run(home, "refused", state=State.REFUSED)
    write_stage(home, "refused", "validate_data", made["validate_data"], State.REFUSED)
    refuses(capsys, checkout, 3, "run refused: validate_data refused its samples", "refused")


@pytest.mark.parametrize("name", ["a b", "../x", ".hidden", "a@b", ""])
def test_a_name_that_cannot_be_a_folder_is_refused(
    name: str, home: Home, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make_run(home)
    if name:
        refuses(capsys, checkout, 2, f"name {name!r}: want letters", "--name", name)
    else:
        assert publish("--name", name, "--dry-run") == 0
        assert made["validate_data"].digest[:12] in capsys.readouterr().out


def test_a_name_that_holds_other_data_is_refused(
    home: Home, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(home)
    assert publish("r1", "--name", "spring", "--no-push") == 0
    make_run(home, "r2", SAMPLES[:2])
    refuses(capsys, checkout, 2, "of run r1, not ", "r2", "--name", "spring", "--no-push")
    (checkout / "data" / "published" / "summer").mkdir()
    refuses(capsys, checkout, 1, "not the record of a published dataset", "r2", "--name", "summer", "--no-push")


def test_a_published_byte_that_was_flipped_is_not_published_again(
    home: Home, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(home)
    assert publish("--name", "spring", "--no-push") == 0
    shard = checkout / "data" / "published" / "spring" / "clips" / "part-00000.parquet"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.chmod(0o644)
    shard.write_bytes(content)
    refuses(capsys, checkout, 1, f"{shard}: content changed since it was written", "--name", "spring", "--no-push")


def _configure(checkout: Path, text: str) -> None:
    (checkout / ".dvc" / "config").write_text(text)


@pytest.mark.parametrize(
    ("damage", "code", "said"),
    [
        (lambda root: shutil.rmtree(root / ".dvc"), 2, "not a checkout whose data/ DVC keeps"),
        (lambda root: _configure(root, "[core\n"), 1, "DVC cannot read its configuration"),
        (lambda root: _configure(root, ""), 2, "DVC has no default remote; `dvc remote add --default NAME URL`"),
        (lambda root: _configure(root, "[core]\n    remote = gone\n"), 2, "DVC has no default remote"),
        (
            lambda root: _configure(root, "[core]\n    remote = x\n['remote \"x\"']\n    url = ../infra/remote\n"),
            2,
            "is kept in Git, where published data would stay",
        ),
        (lambda root: shutil.rmtree(root / ".dvc" / "cache"), 2, "names data that are not here"),
        (lambda root: (root.parent / "remote").write_text("no folder"), 1, "DVC cannot push to remote shared"),
        (lambda root: (root / "data" / "published").write_text("no folder"), 1, "cannot be written"),
    ],
    ids=["no DVC", "broken", "no remote", "unknown remote", "in Git", "not pulled", "remote fails", "no room"],
)
def test_a_checkout_that_cannot_keep_or_push_data_is_left_as_it_was(
    damage: Damage, code: int, said: str, home: Home, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(home)
    damage(checkout)
    refuses(capsys, checkout, code, said)


def test_a_remote_below_an_ignored_folder_of_the_checkout_will_do(home: Home, checkout: Path) -> None:
    make_run(home)
    _configure(checkout, "[core]\n    remote = x\n['remote \"x\"']\n    url = ../data-remote\n")
    (checkout / ".gitignore").write_text("/data\n/data-remote\n")
    assert publish() == 0
    assert any((checkout / "data-remote").rglob("*.dir"))
