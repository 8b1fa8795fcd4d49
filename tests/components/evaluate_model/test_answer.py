import json
from pathlib import Path
from typing import Any

import pytest

from components.core.inference.desta_model import DestaModel
from components.core.models.store import StoredModel
from components.evaluate_model.answer import main
from tests.builders import flac, make_tone
from tests.core.inference.making import untrained_model

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(scope="module")
def model(encoder: StoredModel, llm: StoredModel, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(untrained_model(tmp_path_factory.mktemp("answer") / "model", encoder, llm))


@pytest.fixture
def mmau(tmp_path: Path) -> Path:
    """Three items of MMAU's form, with their audio."""
    folder = tmp_path / "mmau"
    (folder / "clips").mkdir(parents=True)
    rows = []
    for number in range(3):
        (folder / "clips" / f"{number}.wav").write_bytes(flac(make_tone(hertz=300 + 100 * number)))
        item = {"id": f"item-{number}", "audio_id": f"./clips/{number}.wav", "question": "What is it?", "task": "sound"}
        rows.append({**item, "choices": ["a tone", "a dog"], "answer": "a tone"})
    (folder / "mmau-test-mini.json").write_text(json.dumps(rows))
    return folder


def answer(*argv: Any, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    main([*map(str, argv), "--tokens", "5", "--json"])
    shown: dict[str, Any] = json.loads(capsys.readouterr().out)
    return shown


def test_a_model_answers_a_benchmark_and_is_never_asked_twice(
    mmau: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    to = tmp_path / "to"
    asked = ["mmau", "--data", mmau, "--to", to, "--model", model, "--batch", 2]
    first = answer(*asked, capsys=capsys)
    assert first["missing"] == []
    assert {name.name for name in (to / "hears").iterdir()} == {
        "predictions.jsonl",
        "system.json",
        "result.json",
        "mmau-results.json",
    }
    said = json.loads((to / "hears" / "mmau-results.json").read_text())
    assert [row["id"] for row in said] == ["item-0", "item-1", "item-2"]
    assert all(row["model_output"] for row in said)
    monkeypatch.setattr(DestaModel, "generate", None)  # asking again would fail
    assert answer(*asked, capsys=capsys) == first


def test_the_backbone_reads_where_there_are_words_for_the_audio(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {
        "id": 1,
        "audio_filepath": "a.wav",
        "textual_audio": "[00:00-00:01] (Sound: a tone)",
        "instruction": "What is it? Answer in capitals.",
        "dataset": "MMAU",
        "metric": "accuracy",
        "instruction_id_list": ["change_case:english_capital"],
        "kwargs": [{}],
        "label": "a tone",
    }
    (tmp_path / "audios").mkdir()
    (tmp_path / "audios" / "a.wav").write_bytes(flac(make_tone()))
    (tmp_path / "closed_ended_questions.jsonl").write_text(json.dumps(row) + "\n")
    to = tmp_path / "to"
    shown = answer("speech-ifeval", "--data", tmp_path, "--to", to, "--model", model, capsys=capsys)
    assert "closed-ended" in {difference["name"] for difference in shown["differences"]}
    read, heard = (json.loads((to / who / "system.json").read_text()) for who in ("reads", "hears"))
    assert (read["system"], heard["system"], read["items"]) == ("reads", "hears", heard["items"])


def test_mistakes_are_one_line_before_a_model_is_loaded(
    mmau: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (mmau / "clips" / "1.wav").unlink()
    for argv, code, complaint in (
        (["mmau", "--data", mmau, "--to", tmp_path / "to"], 1, "1.wav: no such file, which item item-1 is about"),
        (["mmau", "--data", mmau, "--to", tmp_path / "to", "--items", 0], 2, "--items 0: want 1 at least"),
        (["mmau", "--data", mmau, "--to", tmp_path / "to", "--post", "x"], 2, "--post x: mmau knows as-it-is"),
        (["nothing", "--data", mmau, "--to", tmp_path / "to"], 2, "benchmark nothing: not known"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(list(map(str, argv)))
        assert ended.value.code == code
        (line,) = capsys.readouterr().err.splitlines()
        assert complaint in line
    assert not (tmp_path / "to").exists()


def test_a_recording_that_cannot_be_heard_names_its_item(
    mmau: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (mmau / "clips" / "1.wav").write_bytes(b"no audio")
    with pytest.raises(SystemExit) as ended:
        main(["mmau", "--data", str(mmau), "--to", str(tmp_path / "to"), "--model", model, "--batch", "1"])
    assert ended.value.code == 1
    *_, line = capsys.readouterr().err.splitlines()
    assert "item-1: messages[1].audios[0]" in line
    kept = (tmp_path / "to" / "hears" / "predictions.jsonl").read_text().splitlines()
    assert [json.loads(line)["item_id"] for line in kept] == ["item-0"]
