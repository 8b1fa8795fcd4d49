"""A dataset on a hub is a corpus: brought once, read like a folder, and one line where it cannot be had."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core.contracts.errors import SourceError
from components.core.corpora.reading import read_corpus
from tests.builders import flac, make_tone
from tests.hub import serving

POLICY = "name: far\nlicence: CC0-1.0\ndomain: sound\nformat: hf_parquet\nrepository: org/name@{}\n"


def parquet(folder: Path) -> bytes:
    file = folder / "made.parquet"
    pq.write_table(pa.table({"audio": [{"bytes": flac(make_tone()), "path": "a.flac"}], "text": ["beep"]}), file)
    return file.read_bytes()


def read_from(hub: str, corpus: Path, home: Path) -> str:
    """Read in a process of its own: the client reads the address of its hub when it is imported."""
    program = (
        "import sys; from pathlib import Path; from components.core.corpora.reading import read_corpus\n"
        "from components.core.contracts.errors import DestaError\n"
        "try: print([(r.path, r.split, r.transcript) for r in read_corpus(Path(sys.argv[1])).recordings])\n"
        "except DestaError as error: print(type(error).__name__, error)"
    )
    environ = {"HF_ENDPOINT": hub, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "PATH": ""}
    command = [sys.executable, "-c", program, str(corpus)]
    return subprocess.run(command, check=True, env=environ, capture_output=True, text=True).stdout


def test_a_repository_is_brought_once_and_read(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "corpus.yaml").write_text(POLICY.format("main"))
    with serving("datasets", {"default/train/0000.parquet": parquet(tmp_path), "README.md": b"# far"}) as hub:
        first = read_from(hub, corpus, tmp_path / "home")
    assert "/train/0000.parquet/0/0', <Split.TRAIN: 'train'>, 'beep')]" in first
    assert read_from("http://127.0.0.1:9", corpus, tmp_path / "home") == first


@pytest.mark.parametrize("revision", ["other", "main"])
def test_what_a_hub_does_not_give_is_one_line(tmp_path: Path, revision: str) -> None:
    (tmp_path / "corpus.yaml").write_text(POLICY.format(revision))
    with serving("models", {}) as hub:
        line = read_from(hub, tmp_path, tmp_path / "home")
    assert line.startswith(f"SourceError {tmp_path}: org/name@{revision}: the hub did not give it: ")
    assert line.count("\n") == 1


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        (POLICY.format(""), "repository: String should match pattern"),
        (
            POLICY.format("main").replace("hf_parquet", "folder"),
            "wants `format: hf_parquet`, the format is 'folder'",
        ),
    ],
)
def test_a_repository_that_cannot_be_meant_is_one_line(tmp_path: Path, policy: str, complaint: str) -> None:
    (tmp_path / "corpus.yaml").write_text(policy)
    with pytest.raises(SourceError, match=complaint):
        read_corpus(tmp_path)
