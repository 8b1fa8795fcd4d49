import io
import json
import sys
from pathlib import Path

import pytest

from components.core.models.store import StoredModel
from components.serve_model.chat import main
from tests.builders import flac, make_tone
from tests.core.inference.making import untrained_model

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(scope="module")
def tone(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("tone") / "tone.flac"
    file.write_bytes(flac(make_tone()))
    return str(file)


@pytest.fixture(scope="module")
def model(encoder: StoredModel, llm: StoredModel, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(untrained_model(tmp_path_factory.mktemp("chat") / "model", encoder, llm))


def test_an_answer_is_printed_and_as_json_with_what_was_heard(
    model: str, tone: str, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["--model", model, "--max-tokens", "6"]
    main([tone, "What is it?", *few])
    words = capsys.readouterr().out
    main([tone, "What is it?", *few, "--json"])
    (line,) = capsys.readouterr().out.splitlines()
    said = json.loads(line)
    assert said["answer"] + "\n" == words
    assert said["completion_tokens"] == 6
    assert said["heard"] == [{"file": tone, "start_s": 0.0, "end_s": 1.0, "transcript": "", "transcript_by": "nobody"}]


def test_without_a_question_each_line_is_a_turn(
    model: str, tone: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("Which is longer?\n\nAnd why?\n"))
    main([tone, "--audio", tone, "--model", model, "--max-tokens", "4", "--json"])
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert len(first["heard"]) == len(second["heard"]) == 2
    assert second["prompt_tokens"] > first["prompt_tokens"] + 4


def test_a_line_that_is_no_text_is_one_line_after_the_answers_before_it(
    model: str, tone: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"How long?\nCaf\xe9?\n"), encoding="utf-8"))
    with pytest.raises(SystemExit) as ended:
        main([tone, "--model", model, "--max-tokens", "4", "--json"])
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert len(said.out.splitlines()) == 1
    assert said.err.splitlines() == [
        r"error: input, line 2: '\udce9' at character 3 is no character; want text that UTF-8 can carry"
    ]


def test_mistakes_are_one_line(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.wav").write_bytes(b"no audio")
    for argv, code, complaint in (
        (["nowhere.wav", "?"], 2, "error: nowhere.wav: no such file"),
        ([str(tmp_path / "a.wav"), "?", "--model", model], 1, "error: messages[1].audios[0] ("),
        ([str(tmp_path / "a.wav"), "?", "--temperature", "-1"], 2, "error: chat.temperature: Input should be"),
        (
            [str(tmp_path / "a.wav"), "?", "--temperature", "1e-50"],
            2,
            "error: chat.temperature: Input should be 0, for",
        ),
        ([str(tmp_path / "a.wav"), "?", "--seed", str(2**63)], 2, "error: chat.seed: Input should be less than"),
        (
            [str(tmp_path / "a.wav"), "\udcff", "--model", model],
            2,
            r"error: messages[1].content: '\udcff' at character",
        ),
    ):
        with pytest.raises(SystemExit) as ended:
            main(argv)
        assert ended.value.code == code
        assert capsys.readouterr().err.startswith(complaint)
