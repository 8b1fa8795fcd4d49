"""The command starts fast, explains itself, and answers a mistake with one line and exit code 2."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.core.home import Home
from components.core.models.store import StoredModel
from components.core.runs import write_run
from pipelines.cli import main, parser
from tests.components.self_generate.making import Teller, describe, make_descriptions, make_samples
from tests.pipelines.results import make_corpus, make_run_record

HEAVY = {"kfp", "mlflow", "torch", "transformers", "vllm", "great_expectations", "deepspeed"}
COMMANDS = (
    "run",
    "plan",
    "status",
    "runs",
    "models",
    "champion",
    "promote",
    "rollback",
    "prompts",
    "gc",
    "features",
    "doctor",
    "replay",
    "study",
    "score",
    "evaluate",
    "probe",
    "export",
    "publish",
    "ui",
    "compile",
    "submit",
    "logs",
    "cancel",
    "chat",
    "serve",
    "cost",
    "estimate",
)
SCHEDULE = ("plan", "apply", "list", "run", "run-now", "pause", "resume", "history")
IMAGES = ("build", "list", "push")
ACTIONS = (
    *("model describe", "model import", "model export"),
    *(f"schedule {action}" for action in SCHEDULE),
    *(f"images {action}" for action in IMAGES),
)


def _modules_after(code: str) -> set[str]:
    """Return the names of the packages that a fresh interpreter has imported after `code`."""
    script = f"{code}\nimport sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    return set(done.stdout.split())


def test_help_imports_nothing_that_takes_time() -> None:
    assert not _modules_after("from pipelines.cli import parser; parser().format_help()") & {*HEAVY, "pydantic", "rich"}


def test_looking_at_plans_and_runs_imports_nothing_heavy() -> None:
    assert (
        not _modules_after(
            "import pipelines.plan, pipelines.status, pipelines.run, pipelines.features, pipelines.export.exporting"
        )
        & HEAVY
    )


@pytest.mark.parametrize("command", [*COMMANDS, *ACTIONS])
def test_every_command_shows_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    assert f"examples:\n  desta {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv",
    [
        ["run", "--profile", "big"],
        ["run", "--set", "train.steps=3"],
        ["run", "--set", "train_model.step=3"],
        ["run", "--set", "train_model.steps=three"],
        ["plan", "--set", "nonsense"],
        ["run", "--corpus", "no/such/corpus"],
        ["model", "import", "no/such/adapter", "--encoder=x", "--llm=x", "--to=no/such/model"],
        ["compile", "no/such/place.txt"],
        ["plan", "--llm", "ftp://somewhere"],
        ["status", "r9"],
        ["replay"],
        ["features", "list", "ab" * 32],
        ["features", "erase"],
        ["features", "erase", "../../store"],
        ["champion"],
        ["promote", "3", "--reason", "why not"],
        ["promote", "v3", "--reason", "why not"],
        ["promote", "3", "--reason", "one line\nand another"],
        ["rollback", "--reason", "why not"],
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(argv: list[str], home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert not home.runs.exists()


@pytest.mark.parametrize("argv", [["gc"], ["prompts", "check"], ["features", "list"]])
def test_a_reader_that_has_gone_away_ends_a_command_without_a_word(argv: list[str], home: Home) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "pipelines", *argv],
        env={**os.environ, "DESTA_HOME": str(home.root)},
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_home_that_is_a_file_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("DESTA_HOME", str(tmp_path / "file"))
    with pytest.raises(SystemExit) as ended:
        main(["gc"])
    assert ended.value.code == 2
    assert capfd.readouterr().err == (
        f"error: {tmp_path / 'file'}: not a folder; remove it, or set DESTA_HOME to a folder\n"
    )


def test_a_graph_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SystemExit) as ended:
        main(["compile", str(tmp_path / "file" / "alignment.yaml")])
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        f"error: {tmp_path / 'file' / 'alignment.yaml'}: cannot be written: File exists; name another place\n"
    )


def test_every_command_is_in_the_overview() -> None:
    text = parser().format_help()
    assert all(f"\n    {command} " in text for command in (*COMMANDS, "model"))


def test_the_plan_is_json_with_an_action_and_reasons_for_each_stage(
    home: Home, tmp_path: Path, encoder: StoredModel, llm: StoredModel, capsys: pytest.CaptureFixture[str]
) -> None:
    del home
    corpus = make_corpus(tmp_path / "mine")
    with pytest.raises(SystemExit) as ended:
        main(["plan", "--corpus", str(corpus), "--encoder", encoder.ref, "--llm", llm.ref, "--json"])
    assert ended.value.code == 0
    stages = json.loads(capsys.readouterr().out)["stages"]
    assert stages["ingest_audio"] == {"action": "run", "because": ["never run"]}
    assert len(stages) == 6


def test_the_models_of_the_store_are_listed(
    home: Home, encoder: StoredModel, llm: StoredModel, capsys: pytest.CaptureFixture[str]
) -> None:
    del home
    with pytest.raises(SystemExit):
        main(["models", "list"])
    said = capsys.readouterr().out
    assert encoder.digest in said
    assert llm.ref in said


def test_prompt_pools_are_checked(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["prompts", "check"])
    assert ended.value.code == 0
    assert "\nspeech " in capfd.readouterr().out

    pool = tmp_path / "speech.yaml"
    pool.write_text("prompts: [", encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["prompts", "check", str(pool), "--json"])
    assert ended.value.code == 1
    (fault,) = json.loads(capfd.readouterr().out)["faults"]
    assert fault["file"] == str(pool)


def test_predictions_are_scored(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    item = {"id": "a", "audio_id": "./a.wav", "question": "Who?", "choices": ["Man", "Dog"], "task": "sound"}
    file = tmp_path / "predictions.json"
    file.write_text(json.dumps([{**item, "answer": "Man", "model_output": "a man"}]))
    with pytest.raises(SystemExit) as ended:
        main(["score", "mmau", "--predictions", str(file), "--json"])
    assert ended.value.code == 0
    figures = {figure["name"]: figure["value"] for figure in json.loads(capfd.readouterr().out)["figures"]}
    assert figures == {"mmau": 1.0, "sound": 1.0}


def test_predictions_of_an_unknown_benchmark_are_a_mistake(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["score", "mmu", "--predictions", "nothing.json"])
    assert ended.value.code == 2
    assert capfd.readouterr().err.startswith("error: benchmark mmu: not known; known: dynamic-superb-1,")


def test_an_expansion_that_cannot_be_asked_for_is_a_mistake(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["prompts", "expand", "--domain", "sound", "--to", "9", "--out", str(tmp_path / "out")])
    assert ended.value.code == 2
    assert "--to 9: the pool has " in capfd.readouterr().err


def test_a_pool_that_is_not_there_is_a_mistake(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["prompts", "check", str(tmp_path / "none.yaml")])
    assert ended.value.code == 2
    assert capfd.readouterr().err.count("\n") == 1


def test_generations_that_nobody_needs_are_collected(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    damaged = home.root / "generations" / "some-generator" / f"{'0' * 64}.parquet"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"half")
    for flags, there in ((["--dry-run", "--json"], True), (["--json"], False)):
        with pytest.raises(SystemExit) as ended:
            main(["gc", *flags])
        assert ended.value.code == 0
        assert json.loads(capfd.readouterr().out)["bytes"] == 4
        assert damaged.exists() == there


def test_what_was_kept_of_a_clip_is_shown_and_removed(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    kept = [home.features / way / "ab" / f"{'ab' * 32}.safetensors" for way in ("1" * 64, "2" * 64)]
    for file in kept:
        file.parent.mkdir(parents=True)
        file.write_bytes(b"half")
    said = []
    for argv in (["list"], ["erase", "cd" * 32], ["erase", "ab" * 32], ["list"]):
        with pytest.raises(SystemExit) as ended:
            main(["features", *argv, "--json"])
        assert ended.value.code == 0
        said.append(json.loads(capsys.readouterr().out))
    assert [one["bytes"] for one in said[::3]] == [8, 0]
    assert [one["files"] for one in said[1:3]] == [0, 2]
    assert not any(file.exists() for file in kept)


def test_a_replay_asks_the_model_that_the_run_names(
    home: Home, tmp_path: Path, llm: StoredModel, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run whose answers are not this model's: nothing is generated, and the error says what differs."""
    run_dir = home.runs / "r1"
    monkeypatch.setenv("DESTA_RUN_DIR", str(run_dir))
    make_samples(make_descriptions(tmp_path / "d", [describe(0)]), Teller(), home)
    monkeypatch.delenv("DESTA_RUN_DIR")
    write_run(run_dir, make_run_record(parameters={"llm": llm.ref}))
    capfd.readouterr()

    with pytest.raises(SystemExit) as ended:
        main(["replay", "r1", "--fraction", "0.5", "--json"])

    assert ended.value.code == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"error: the model is not the one that answered: weights {'a' * 64} → ")


@pytest.mark.parametrize(
    ("argv", "module"),
    [
        (
            ["chat", "a.wav", "Who is it?", "--audio", "b.wav", "--temperature=0.5", "--json"],
            "components.serve_model.chat",
        ),
        (["serve", "--port", "0", "--batch", "2"], "components.serve_model"),
    ],
)
def test_talking_to_a_model_is_handed_on_word_for_word(
    argv: list[str], module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    became: list[list[str]] = []

    def become(_: str, command: list[str], __: object) -> None:
        became.append(command)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "execve", become)
    with pytest.raises(SystemExit):
        main(argv)
    assert [command[1:] for command in became] == [["-P", "-m", module, *argv[1:]]]
