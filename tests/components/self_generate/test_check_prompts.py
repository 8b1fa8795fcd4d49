"""The command that checks prompt pools: a table when all is well, else a line for each fault and exit code 1."""

import json
from pathlib import Path

import pytest

from components.self_generate.check_prompts import main

BAD = (
    "domain: speech\nversion: 1\nprompts:\n"
    '  - {id: speech-descriptive-001, category: descriptive, text: "What is said?"}\n'
    '  - {id: speech-descriptive-002, category: descriptive, text: "Repeat the caption, please."}\n'
)


def run(*argv: str) -> int:
    try:
        main(argv)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "speech.yaml"
    path.write_text(BAD, encoding="utf-8")
    return path


def test_the_shipped_pools_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:6] == ["pool", "version", "prompts", "descriptive", "role_play", "open_ended"]
    assert [row.split()[0] for row in rows] == ["music", "sound", "speech"]
    for row in rows:
        _, _, prompts, *counts = (int(cell) if cell.isdigit() else 0 for cell in row.split())
        assert sum(counts[:3]) == prompts
        assert counts[3:] == sorted(counts[3:])
        assert len(counts) == 8


def test_each_fault_is_a_line_with_file_and_prompt(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(bad)) == 1
    said = capsys.readouterr()
    leak, unbalanced = said.out.splitlines()
    assert leak.startswith(f"{bad}: prompt speech-descriptive-002: 'caption' betrays")
    assert unbalanced.startswith(f"{bad}: 2 descriptive prompts and 0 role_play")
    assert said.err == ""


def test_scripts_get_pools_and_faults(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(bad), "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["pools"] == [
        {
            "file": str(bad),
            "domain": "speech",
            "version": 1,
            "prompts": 2,
            "categories": {"descriptive": 2, "role_play": 0, "open_ended": 0},
            "words": [3, 3, 3, 3, 4],
        }
    ]
    assert [(fault["file"], fault["prompt_id"]) for fault in report["faults"]] == [
        (str(bad), "speech-descriptive-002"),
        (str(bad), None),
    ]
    assert report["faults"][0]["fault"].startswith("'caption' betrays")


def test_a_folder_that_misses_pools_is_told_which(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(bad.parent)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines[:2]] == [
        str(bad.parent / "music.yaml"),
        str(bad.parent / "sound.yaml"),
    ]


def test_a_path_that_is_not_there_is_a_mistake_of_the_caller(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(tmp_path / "nothing.yaml")) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"error: {tmp_path / 'nothing.yaml'}: no such file or folder: ")
    assert said.err.count("\n") == 1
