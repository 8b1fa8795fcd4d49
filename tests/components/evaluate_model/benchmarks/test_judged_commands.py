"""SAKURA from the command line, with a judge behind a server."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from components.core.home import Home
from components.evaluate_model import answer, score
from components.evaluate_model.benchmarks.judging import Question
from components.evaluate_model.benchmarks.records import Item, Prediction
from tests import desk as desks
from tests.components.evaluate_model.benchmarks import chats
from tests.components.evaluate_model.benchmarks.test_sakura import by_the_word, clip, metadata, predictions
from tests.desk import Desk


def verdict(asked: dict[str, Any]) -> dict[str, Any]:
    return chats.reply(by_the_word(Question(prompt=asked["messages"][-1]["content"])))


@pytest.fixture
def desk(home: Home) -> Iterator[Desk]:  # noqa: ARG001 (verdicts are kept in the home of the test)
    with chats.opened() as desk:
        desk.answer = verdict
        yield desk


@pytest.fixture
def said(tmp_path: Path) -> Path:
    """Four responses, two of which are the same: three questions."""
    predictions(tmp_path / "said", "single", a="who knows", b="right", c="wrong", d="right")
    return tmp_path / "said"


def run(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    score.main(["sakura", *map(str, words)])
    return capsys.readouterr().out


def shown(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(capsys, *words, "--json"))
    return found


def failed(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[object, str]:
    with pytest.raises(SystemExit) as ended:
        score.main(["sakura", *map(str, words)])
    return ended.value.code, capsys.readouterr().err


def judged_by(desk: Desk, model: str = "m") -> tuple[str, ...]:
    return ("--judge", desk.address, "--judge-model", model)


def test_a_second_run_asks_nothing_and_has_the_same_result(
    desk: Desk, said: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = shown(capsys, "--predictions", said, *judged_by(desk), "--out", tmp_path / "1.json")
    assert [(figure["name"], figure["value"]) for figure in first["figures"]] == [("Language single", 0.5)]
    judge = {"model": "m", "served_by": desk.address}
    assert first["basis"]["judge"] == judge
    assert first["judging"] == {"judge": judge, "asked": 3, "kept": 0, "left_out": 0}
    assert (first["unparsed"], first["unmarked"]) == (1, 0)
    second = shown(capsys, "--predictions", said, *judged_by(desk), "--out", tmp_path / "2.json")
    assert second["judging"] == {"judge": judge, "asked": 0, "kept": 3, "left_out": 0}
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()
    assert len(desk.asked) == 3


def test_the_lines_say_who_judged_what_it_cost_and_what_is_left(
    desk: Desk, said: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "--predictions", said, *judged_by(desk), "--budget", 1)
    lines = run(capsys, "--predictions", said, *judged_by(desk), "--budget", 1).splitlines()
    assert f"  judge m ({desk.address}): 1 questions asked, 1 kept from before, 1 left out by the budget" in lines
    assert "  1 items not marked: the budget left out their questions" in lines
    assert "  1 items unparsed: the words or the number that they are marked by cannot be read" in lines
    assert len(desk.asked) == 2


def test_without_a_judge_the_output_says_what_is_missing(said: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = run(capsys, "--predictions", said).splitlines()
    assert lines[1:] == ["  4 items not marked: they need a judge, see --judge"]
    found = shown(capsys, "--predictions", said)
    assert (found["judging"], found["unmarked"], found["figures"]) == (None, 4, [])


def test_results_by_different_judges_are_not_compared(
    desk: Desk, said: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "--predictions", said, *judged_by(desk), "--out", tmp_path / "a.json")
    same = run(capsys, "--predictions", said, *judged_by(desk), "--against", tmp_path / "a.json")
    assert "no clear difference" in same
    code, line = failed(capsys, "--predictions", said, *judged_by(desk, "n"), "--against", tmp_path / "a.json")
    assert code == 2
    assert "error: results cannot be compared: judge is {'model': 'n'" in line


def test_a_server_that_refuses_is_one_line_and_exit_code_1(
    desk: Desk, said: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.troubles.append(desks.refuse)
    code, errors = failed(capsys, "--predictions", said, *judged_by(desk))
    (line,) = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert code == 1
    assert line.startswith(f"error: judge m: {desk.address}/v1/chat/completions: 400 Bad Request: ")


def test_a_judge_that_nobody_needs_is_a_usage_error(desk: Desk, said: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        score.main(["mmau", "--predictions", str(said), *judged_by(desk)])
    assert ended.value.code == 2
    assert "mmau is marked by rules alone" in capsys.readouterr().err


def test_labels_of_people_are_compared_with_the_judge(
    desk: Desk, said: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = {"a.wav": 1, "b.wav": 1, "c.wav": 0, "d.wav": 1}
    rows = [{"item_id": f"Language/single/{name}", "value": value} for name, value in people.items()]
    labels = tmp_path / "labels.jsonl"
    labels.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ("--predictions", said, *judged_by(desk), "--labels", labels)
    assert shown(capsys, *words)["agreement"] == {"items": 4, "share": 0.75, "kappa": 0.5}
    assert "  agreement with people on 4 items: 0.7500, Cohen's kappa 0.5000" in run(capsys, *words).splitlines()


class Parrot:
    """Gives every item the same answer."""

    name = "hears"
    identity: Mapping[str, Any] = {"system": "parrot"}

    def answer(self, items: Sequence[Item]) -> Iterator[Prediction]:
        yield from (Prediction(item_id=item.item_id, response="right") for item in items)


def test_what_a_model_answers_is_judged_too(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = metadata(tmp_path / "sakura", a=clip())
    (data / "data/Language/audio").mkdir()
    (data / "data/Language/audio/a.wav").touch()
    monkeypatch.setattr(answer, "_systems", lambda *_: iter([Parrot()]))
    words = ["sakura", "--data", str(data), "--to", str(tmp_path / "to"), *judged_by(desk)]
    answer.main([*words, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert {figure["name"]: figure["value"] for figure in found["figures"]}["Language single"] == 1.0
    assert found["judging"]["asked"] == len(desk.asked) == 2
    answer.main(words)
    assert "0 questions asked, 2 kept from before" in capsys.readouterr().out
    kept = json.loads((tmp_path / "to/hears/result.json").read_text())
    assert kept["basis"]["judge"] == {"model": "m", "served_by": desk.address}
