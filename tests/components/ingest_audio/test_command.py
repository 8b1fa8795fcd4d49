import json
import subprocess
import sys
import time
from inspect import signature
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.core.contracts.artifacts import open_artifact
from components.core.contracts.records import Clip
from components.core.home import Home
from components.core.settings import as_flags, checked, given
from components.ingest_audio.__main__ import NAME, main, parser
from components.ingest_audio.component import ingest_audio
from components.ingest_audio.settings import IngestAudioSettings
from tests.builders import make_tone, write_corpus

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "corpus", {"a.flac": make_tone(), "b.flac": make_tone(hertz=300)})


def test_the_command_writes_clips(corpus: Path, tmp_path: Path) -> None:
    main(["--corpus", str(corpus), "--clips", str(tmp_path / "clips")])
    assert len(list(open_artifact(tmp_path / "clips", "clips").read(Clip))) == 2


def test_a_second_run_reuses_the_first_one_within_a_second(corpus: Path, tmp_path: Path, home: Home) -> None:
    main(["--corpus", str(corpus), "--clips", str(tmp_path / "first")])
    command = ["--corpus", str(corpus), "--clips", str(tmp_path / "second")]
    heavy = "import sys, components.ingest_audio.__main__ as m; m.main(sys.argv[1:]); print(sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", heavy, *command],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert "'torch'" not in done.stdout
    assert (tmp_path / "second/manifest.json").read_bytes() == (tmp_path / "first/manifest.json").read_bytes()
    assert len(list((home.store / NAME).glob("[!.]*"))) == 1


def test_a_changed_file_is_ingested_again(corpus: Path, tmp_path: Path) -> None:
    main(["--corpus", str(corpus), "--clips", str(tmp_path / "before")])
    write_corpus(corpus, {"b.flac": make_tone(hertz=301)})
    main(["--corpus", str(corpus), "--clips", str(tmp_path / "after")])
    before, after = (json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("before", "after"))
    assert before["lineage"]["sources"]["test"] != after["lineage"]["sources"]["test"]
    assert before["digest"] != after["digest"]


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["--corpus", "CORPUS", "--min-s", "soon"], 2, "ingest_audio.min_s: Input should be a valid number"),
        (["--corpus", "CORPUS", "--max-s", "31"], 2, "ingest_audio.max_s: Input should be less than or equal to 30"),
        (["--corpus", "CORPUS", "--min-s", "3", "--max-s", "2"], 2, "min_s 3 must be below max_s 2"),
        (["--corpus", "CORPUS", "--evaluation-share", "0.95"], 2, "must leave something to train on"),
        (["--corpus", "absent"], 2, "absent: no such folder"),
        (["--corpus", "CORPUS", "--corpus", "CORPUS"], 1, "both are named 'test'"),
        (["--corpus", "CORPUS", "--min-s", "2"], 1, "none of 2 files became a clip (2 too_short)"),
    ],
)
def test_a_failure_is_one_line_and_its_exit_code(
    arguments: list[str], code: int, line: str, corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    named = [str(corpus) if argument == "CORPUS" else argument for argument in arguments]
    with pytest.raises(SystemExit) as caught:
        main([*named, "--clips", str(tmp_path / "clips")])
    assert caught.value.code == code
    errors = [shown for shown in capfd.readouterr().err.splitlines() if shown.startswith("error: ")]
    assert len(errors) == 1
    assert line in errors[0]
    assert not (tmp_path / "clips").exists()


def test_an_unknown_flag_is_a_usage_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--corpus", "c", "--clips", "out", "--min-seconds", "1"])
    assert caught.value.code == 2
    assert "--min-seconds" in capfd.readouterr().err


def test_help_is_there_at_once_and_shows_an_example() -> None:
    started_s = time.monotonic()
    shown = subprocess.run(
        [sys.executable, "-m", "components.ingest_audio", "--help"],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert "example:\n  python -m components.ingest_audio --corpus" in shown.stdout
    assert "--silence-dbfs" in shown.stdout
    assert time.monotonic() - started_s < 60


def test_wrapper_and_command_line_name_the_same_things() -> None:
    flags = {action.dest for action in parser()._actions} - {"help"}
    parameters = set(signature(ingest_audio.python_func).parameters)
    assert flags - {"corpus"} == (parameters - {"corpora", "data_revision", "settings"}) | set(
        IngestAudioSettings.model_fields
    )


def test_settings_survive_the_way_through_kubeflow() -> None:
    sent = {name: float(value) for name, value in IngestAudioSettings().model_dump().items()}
    args = parser().parse_args(["--corpus", "c", "--clips", "out", *as_flags(sent)])
    assert checked(NAME, IngestAudioSettings, given(args, IngestAudioSettings)) == IngestAudioSettings()


def test_the_wrapper_does_what_the_command_does(corpus: Path, tmp_path: Path) -> None:
    other = write_corpus(
        tmp_path / "other", {"c.flac": make_tone(hertz=500)}, policy="name: other\nlicence: x\ndomain: music\n"
    )
    ingest_audio.python_func(
        corpora=[str(corpus), str(other)],
        data_revision="any",
        settings={"max_clips": 2.0, "min_s": 0.5},
        clips=SimpleNamespace(path=str(tmp_path / "clips")),
    )
    manifest = open_artifact(tmp_path / "clips", "clips").manifest
    assert manifest.counts.rows_out == 2
    assert set(manifest.lineage.sources) == {"test", "other"}
    assert manifest.lineage.settings == IngestAudioSettings(max_clips=2, min_s=0.5).model_dump()
