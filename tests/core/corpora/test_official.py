import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.corpora.official import SUMS, data_folder, verify
from components.core.home import Home
from components.evaluate_model.benchmarks.desta_sample import DESTA_SAMPLE, rows_about
from components.evaluate_model.benchmarks.mmau import MMAU
from components.evaluate_model.benchmarks.scoring import read_items
from tests.components.evaluate_model.benchmarks.test_desta_sample import ANIMALS
from tests.hub import serving

ROWS = json.dumps(rows_about(ANIMALS, seed=1)).encode()
FILE = "desta-sample.json"


def score_from(hub: str, home: Path, predictions: Path, data: str) -> subprocess.CompletedProcess[str]:
    environ = {"HF_ENDPOINT": hub, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "PATH": "", "DESTA_HOME": str(home)}
    argv = [sys.executable, "-m", "pipelines", "score", MMAU.name]
    argv += [f"--predictions={predictions}", f"--data={data}", "--json"]
    return subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)


def test_a_repository_is_brought_once_and_held_to_its_digests(tmp_path: Path) -> None:
    row = {
        "id": "1",
        "audio_id": "./a.wav",
        "question": "What is it?",
        "choices": ["a dog", "a cat"],
        "answer": "a dog",
        "dataset": "x",
        "task": "sound",
        "split": "test-mini",
        "category": "x",
        "sub-category": "x",
        "difficulty": "easy",
    }
    name = "mmau-test-mini.json"
    said = tmp_path / "said.jsonl"
    said.write_text(json.dumps({"item_id": "1", "response": "a dog"}) + "\n")
    home = tmp_path / "home"
    with serving("datasets", {name: json.dumps([row]).encode()}) as hub:
        first = score_from(hub, home, said, "hf://org/name@main")
    assert first.returncode == 0, first.stderr
    nowhere = "http://127.0.0.1:9"
    assert score_from(nowhere, home, said, "hf://org/name@main").stdout == first.stdout

    (file,) = (home / "benchmarks").glob(f"*/{name}")
    file.write_bytes(file.read_bytes().replace(b"a cat", b"a cow"))
    changed = score_from(nowhere, home, said, "hf://org/name@main")
    assert changed.returncode == 1
    (line,) = changed.stderr.splitlines()
    assert f"{SUMS} has " in line
    assert "restore the file" in line


def test_what_a_hub_does_not_give_is_one_line(tmp_path: Path) -> None:
    with serving("datasets", {}) as hub:
        failed = score_from(hub, tmp_path, tmp_path / "said.jsonl", "hf://org/name@other")
    assert failed.returncode == 1
    (line,) = failed.stderr.splitlines()
    assert line.startswith("error: --data hf://org/name@other: org/name@other: the hub did not give it: ")


def folder(tmp_path: Path, sums: str) -> Path:
    (tmp_path / FILE).write_bytes(ROWS)
    (tmp_path / SUMS).write_text(sums)
    return tmp_path


def test_a_folder_is_held_to_its_sums_in_the_usual_form(tmp_path: Path) -> None:
    digest = hashlib.sha256(ROWS).hexdigest()
    for line in (f"{digest}  {FILE}\n", f"{digest.upper()} *./{FILE}\n"):
        assert read_items(DESTA_SAMPLE, folder(tmp_path, line))


@pytest.mark.parametrize(
    ("sums", "complaint"),
    [
        (f"{'0' * 64}  {FILE}\n", "has 0000"),
        (f"{'0' * 64}  another.json\n", "has no digest for it"),
        ("nonsense\n", "cannot be read as `sha256sum` writes it"),
    ],
)
def test_a_file_that_is_not_the_pinned_one_is_one_line(tmp_path: Path, sums: str, complaint: str) -> None:
    with pytest.raises(SourceError) as refused:
        read_items(DESTA_SAMPLE, folder(tmp_path, sums))
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_without_sums_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / FILE
    file.write_bytes(ROWS)
    assert list(verify(tmp_path, iter([file]))) == [file]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("pypi://name@1", "want a folder, or a dataset as hf://org/name@revision"),
        ("hf://org/name", "not understood"),
        ("hf://org/name@main", "is not in .* yet; `desta score` and `desta evaluate` bring it"),
    ],
)
def test_data_of_another_form_is_one_line(tmp_path: Path, given: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        data_folder(given, Home(tmp_path))
