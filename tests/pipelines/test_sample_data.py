"""The sample corpora come out of the repository's own DVC remote, or one line says why not."""

import shutil
import subprocess
from pathlib import Path

import pytest

from components.core.contracts.errors import SourceError
from components.core.corpora.reading import read_corpora
from components.core.home import Home
from pipelines import sample_data
from pipelines.revision import data_revision, notices_of
from pipelines.sample_data import data_pointer, pull_sample_data, sample_corpora
from tests.pipelines.results import make_corpus


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository as it is right after a clone: the pointer and the remote are there, data/ is not."""
    for name in (".dvc/config", "data.dvc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(sample_data.ROOT / name, tmp_path / name)
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "dvc").symlink_to(sample_data.ROOT / "infra" / "dvc")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    monkeypatch.setattr(sample_data, "ROOT", tmp_path)
    monkeypatch.setattr(sample_data, "POINTER", tmp_path / "data.dvc")
    monkeypatch.setattr(sample_data, "_CORPORA", tmp_path / "data" / "corpora")
    return tmp_path


def test_the_sample_data_are_pulled_and_named_by_their_revision(clone: Path) -> None:
    assert sample_corpora() == ()
    pull_sample_data()
    corpora = sample_corpora()
    assert sum(len(corpus.recordings) for corpus in read_corpora(corpora)) >= 300
    assert data_revision(corpora, Home(clone)).startswith(f"dvc:{data_pointer()} corpora:")
    assert data_revision((make_corpus(clone / "mine"),), Home(clone)).startswith("corpora:")


def test_a_remote_without_the_data_is_one_line(clone: Path) -> None:
    (clone / "infra" / "dvc").unlink()
    with pytest.raises(SourceError, match=r"data\.dvc: cannot pull the sample data: .+; try `dvc pull` in") as caught:
        pull_sample_data()
    assert "\n" not in str(caught.value)


def test_outside_a_checkout_there_is_no_pointer(clone: Path) -> None:
    (clone / "data.dvc").unlink()
    assert data_pointer() is None
    with pytest.raises(SourceError, match="cannot pull the sample data"):
        pull_sample_data()


def test_the_notices_are_those_of_the_state_of_the_corpora_that_a_run_read(clone: Path) -> None:
    """Another pointer for the same corpora, after something was published beside them, changes nothing."""
    corpus = make_corpus(clone / "data" / "corpora" / "bells")
    notice = clone / "data" / "NOTICE"
    notice.write_text("Thanks to all.\n")
    revision = data_revision((corpus,), Home(clone))
    assert notices_of((corpus,), revision, Home(clone)) == (notice,)
    (clone / "data.dvc").write_text((clone / "data.dvc").read_text().replace(str(data_pointer()), f"{'0' * 32}.dir"))
    assert notices_of((corpus,), revision, Home(clone)) == (notice,)
    assert notices_of((corpus,), "dvc:0123.dir corpora:abc", Home(clone)) == ()
    assert notices_of((make_corpus(clone / "mine" / "bells"),), revision, Home(clone)) == ()
    assert notices_of((), revision, Home(clone)) == ()
