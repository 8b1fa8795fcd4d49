"""`desta export` writes a whole folder, the same one each time, or says in one line why not."""

import json
from pathlib import Path

import pytest

from components.core.contracts.records import Message, Sample, Split
from components.core.digests import digest_of
from components.core.home import Home
from components.core.models.store import MARKER, ModelManifest
from components.core.publishing import write_file
from components.core.runs import State
from pipelines.journal import Event, read_journal
from tests.builders import make_clip
from tests.pipelines.export.making import (
    BELL,
    DOG,
    SAMPLES,
    VOICE,
    about,
    export_by_command,
    make_run,
    write_artifact,
    write_stage,
)

FORMATS = ("upstream", "hf", "croissant")


def _fails(
    capsys: pytest.CaptureFixture[str], code: int, said: str, to: Path, form: str = "hf", more: tuple[str, ...] = ()
) -> None:
    """Check that an export ends with a code and one line, and leaves nothing where it wrote."""
    before = sorted(to.parent.iterdir()) if to.parent.is_dir() else None
    assert export_by_command(to, form, *more) == code
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("export: ")]
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert said in lines[0]
    assert (sorted(to.parent.iterdir()) if to.parent.is_dir() else None) == before


def test_the_journal_tells_what_left_and_where_to(home: Home, tmp_path: Path) -> None:
    accepted = make_run(home)["validate_data"].digest
    assert export_by_command(tmp_path / "out", "hf", "r1") == 0
    facts = {"run_id": "r1", "format": "hf", "accepted": accepted, "folder": str(tmp_path / "out")}
    entries = [(Event.EXPORT_STARTED, facts), (Event.EXPORTED, facts)]
    assert [(entry.event, entry.facts) for entry in read_journal(home)] == entries
    assert export_by_command(tmp_path / "out", "hf", "r1") == 2
    assert len(read_journal(home)) == 2


@pytest.mark.parametrize("form", FORMATS)
def test_equal_runs_give_equal_bytes(form: str, home: Home, tmp_path: Path) -> None:
    contents = []
    for run_id in ("r1", "r2"):
        make_run(home, run_id)
        to = tmp_path / run_id
        assert export_by_command(to, form, run_id) == 0
        files = (file for file in sorted(to.rglob("*")) if file.is_file())
        contents.append({file.relative_to(to): file.read_bytes() for file in files})
    assert contents[0] == contents[1]
    assert Path("README.md") in contents[0]


def test_without_an_id_the_latest_run_that_succeeded_is_exported(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(home, "older", started_s=1.0)
    made = make_run(home, "newer", SAMPLES[:2], started_s=2.0)
    make_run(home, "broken", started_s=3.0, state=State.FAILED)
    assert export_by_command(tmp_path / "out", "hf", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "format": "hf",
        "folder": str(tmp_path / "out"),
        "run_id": "newer",
        "digest": made["validate_data"].digest,
        "samples": 2,
        "clips": 1,
        "hours": 0.0003,
        "licences": ["CC0-1.0"],
    }


def test_a_run_that_a_later_gate_refused_is_exported_by_its_name(home: Home, tmp_path: Path) -> None:
    make_run(home, "r1", state=State.REFUSED)
    assert export_by_command(tmp_path / "out", "upstream", "r1") == 0


def test_an_unknown_format_is_refused_before_anything_is_read(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _fails(capsys, 2, "--format csv: no such format; known: upstream, hf, croissant", tmp_path / "out", "csv")
    assert not home.root.exists()


@pytest.mark.parametrize(
    ("more", "said"), [((), "no run has succeeded"), (("r9",), "no run r9; `desta runs` lists them")]
)
def test_a_run_that_does_not_exist_is_refused(
    more: tuple[str, ...], said: str, home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del home
    _fails(capsys, 2, said, tmp_path / "out", more=more)


@pytest.mark.parametrize("kind", ["folder", "file", "link to nowhere"])
def test_a_destination_that_exists_is_left_alone(
    kind: str, home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(home)
    to = tmp_path / "out"
    if kind == "folder":
        to.mkdir()
    elif kind == "file":
        to.write_text("mine")
    else:
        to.symlink_to("nowhere")
    _fails(capsys, 2, f"{to}: exists; name a folder that does not exist yet", to)


def test_a_destination_that_cannot_be_written_is_named(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(home)
    (tmp_path / "file").write_text("mine")
    _fails(capsys, 1, f"{tmp_path / 'file' / 'out'}: cannot be written", tmp_path / "file" / "out")


def test_a_run_whose_samples_a_gate_refused_is_not_exported(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make_run(home, state=State.REFUSED)
    write_stage(home, "r1", "validate_data", made["validate_data"], State.REFUSED)
    _fails(capsys, 3, "run r1: validate_data refused its samples: too few samples", tmp_path / "out", more=("r1",))


def test_a_run_that_did_not_come_to_validation_is_not_exported(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(home, state=State.FAILED)
    (home.runs / "r1" / "stages" / "validate_data.json").unlink()
    _fails(capsys, 2, "run r1: validate_data is pending: nothing was accepted", tmp_path / "out", more=("r1",))


def test_a_run_that_accepted_no_sample_is_not_exported(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(home, samples=())
    _fails(capsys, 2, "run r1: all 2 samples were refused", tmp_path / "out")


@pytest.mark.parametrize("stage", ["ingest_audio", "validate_data"])
def test_a_flipped_byte_is_an_error_that_names_the_file(
    stage: str, home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shard = make_run(home)[stage].folder / "part-00000.parquet"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    _fails(capsys, 1, f"{shard}: content changed since it was written", tmp_path / "out")


def test_an_export_that_fails_in_the_middle_leaves_nothing(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = about(BELL, messages=(Message(role="user", content="no place for a clip"),))
    make_run(home, samples=[about(DOG), broken])
    _fails(capsys, 1, f"sample {broken.sample_id}: 0 times <|AUDIO|>", tmp_path / "out", "upstream")


@pytest.mark.parametrize("samples", [[about(VOICE), about(DOG)], [about(make_clip(split=Split.TRAIN))]])
def test_samples_whose_clips_do_not_follow_are_an_error(
    samples: list[Sample], home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(home, samples=samples)
    _fails(capsys, 1, "samples stand in the order of their clips", tmp_path / "out")


def test_samples_that_were_judged_beside_other_clips_are_an_error(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(home)
    others = write_artifact(home.store / "others", "clips", [DOG])
    write_stage(home, "r1", "ingest_audio", others)
    _fails(capsys, 1, f"was not made from {others.folder}", tmp_path / "out")


def test_a_corpus_without_terms_is_an_error_because_nobody_knows_whom_to_name(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = make_clip()
    made = make_run(home)
    clips = write_artifact(home.store / "x" / "clips", "clips", [stranger])
    accepted = write_artifact(home.store / "x" / "a", "accepted", [about(stranger)], inputs={"clips": clips.digest})
    write_stage(home, "r1", "ingest_audio", clips)
    write_stage(home, "r1", "validate_data", accepted)
    assert made["validate_data"].digest != accepted.digest
    _fails(capsys, 1, "its manifest says nothing of corpus 'test'", tmp_path / "out")


def test_notices_go_with_the_data(home: Home, tmp_path: Path) -> None:
    make_run(home)
    write_file(tmp_path / "thanks.txt", "Thanks to all.\n")
    write_file(tmp_path / "terms" / "a.txt", "As you like.\n")
    thanks, terms = ("--notice", str(tmp_path / "thanks.txt")), ("--notice", str(tmp_path / "terms"))
    assert export_by_command(tmp_path / "out", "hf", *thanks, *terms) == 0
    notices = tmp_path / "out" / "notices"
    assert (notices / "thanks.txt").read_text() == "Thanks to all.\n"
    assert (notices / "terms" / "a.txt").read_text() == "As you like.\n"
    assert "under `notices/`" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    ("names", "said"), [(("none.txt",), "no such file or folder"), (("a/x", "b/x"), "there is one named x already")]
)
def test_a_notice_that_cannot_go_along_is_an_error(
    names: tuple[str, ...], said: str, home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(home)
    for name in ("a/x", "b/x"):
        write_file(tmp_path / name, "Thanks.")
    more = tuple(word for name in names for word in ("--notice", str(tmp_path / name)))
    _fails(capsys, 2, said, tmp_path / "out", more=more)


def test_the_licence_of_the_generator_is_told_and_a_path_to_it_is_not(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTA_MODELS", str(tmp_path / "models"))
    digest = digest_of({})
    marker = ModelManifest(ref="x", licence="Llama-3.1", files=(), digest=digest)
    write_file(tmp_path / "models" / digest / MARKER, marker.model_dump_json())
    monkeypatch.setattr("tests.pipelines.export.making.LLM_DIGEST", digest)
    make_run(home, parameters={"llm": "/somewhere/private/model"})
    assert export_by_command(tmp_path / "out", "hf") == 0
    text = (tmp_path / "out" / "README.md").read_text()
    assert f"model {digest} (licence Llama-3.1)" in text
    assert "private" not in text
