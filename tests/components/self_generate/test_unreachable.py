"""What nobody needs is collected, and nothing else: afterwards a result that is there asks for nothing."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from components.core.contracts.artifacts import Artifact
from components.core.contracts.errors import ContractError, SourceError
from components.core.contracts.records import Sample
from components.core.home import Home
from components.self_generate.collect_generations import main
from components.self_generate.generation import Asked, Reply
from components.self_generate.generations import generations_of, in_use, sample_ids_in
from components.self_generate.questions import Question
from components.self_generate.unreachable import Collected, collect
from tests.builders import make_generator
from tests.components.self_generate.making import SETTINGS, Teller, describe, make_descriptions, make_samples

AGAIN = SETTINGS.model_copy(update={"window_tokens": 999})
"""Settings that make the same samples under another key."""


@pytest.fixture
def five(tmp_path: Path) -> Artifact:
    """The descriptions of five clips."""
    return make_descriptions(tmp_path / "five", [describe(number) for number in range(5)])


@pytest.fixture
def kept(five: Artifact, home: Home, tmp_path: Path) -> Artifact:
    """A result about five clips of which six were asked about before, two with others: 12 and 4 answers are kept."""
    for name, numbers in {"six": range(6), "two": range(20, 22)}.items():
        gone = make_samples(make_descriptions(tmp_path / name, [describe(n) for n in numbers]), Teller(), home)
        shutil.rmtree(gone.folder)
    return make_samples(five, Teller(), home)


def answers(home: Home) -> list[str]:
    return sorted(i for path in home.root.glob("generations/*/*.parquet") for i in sample_ids_in(path))


def sizes(home: Home) -> dict[Path, int]:
    return {path: path.stat().st_size for path in home.root.glob("generations/*/*") if path.is_file()}


def test_what_no_result_holds_goes_and_a_repeated_run_asks_for_nothing(
    kept: Artifact, five: Artifact, home: Home
) -> None:
    before = sum(sizes(home).values())

    collected = collect(home, dry_run=False)

    assert answers(home) == sorted(sample.sample_id for sample in kept.read(Sample))
    assert (collected.answers, collected.answers_left) == (16 - 10, 10)
    assert (collected.files, collected.files_rewritten) == (1, 1)
    assert collected.bytes == before - sum(sizes(home).values())
    teller = Teller()
    again = make_samples(five, teller, home, settings=AGAIN)
    assert teller.asked == []
    assert again.digest == kept.digest


@pytest.mark.usefixtures("kept")
def test_a_dry_run_says_the_same_and_removes_nothing(home: Home) -> None:
    before = sizes(home)
    told = collect(home, dry_run=True)
    assert sizes(home) == before
    assert collect(home, dry_run=False) == told.model_copy(update={"dry_run": False})
    assert collect(home, dry_run=False) == Collected(dry_run=False, answers_left=10)


@pytest.mark.usefixtures("kept")
def test_damaged_files_and_drafts_go_too(home: Home) -> None:
    path = min(sizes(home))
    path.with_suffix(".corrupt").write_bytes(b"half")
    path.with_name(f".{path.name}.4711.draft").write_bytes(b"half a fi")
    assert collect(home, dry_run=False).leftovers == 2
    assert all(path.suffix == ".parquet" for path in sizes(home))


class Dies(Teller):
    """Ends with an error in its third batch."""

    def generate(self, questions: Sequence[Asked]) -> list[Reply]:
        if len(self.batches) == 2:
            raise SourceError("out of memory")
        return super().generate(questions)


def test_what_unfinished_work_asked_for_stays_until_its_folder_goes(home: Home, tmp_path: Path) -> None:
    descriptions = make_descriptions(tmp_path / "d", [describe(number) for number in range(6)])
    with pytest.raises(SourceError):
        make_samples(descriptions, Dies(), home)

    collected = collect(home, dry_run=False)

    (unfinished,) = collected.unfinished
    assert (collected.answers, collected.answers_left) == (0, 8)
    teller = Teller()
    make_samples(descriptions, teller, Home(shutil.copytree(home.root, tmp_path / "copy")))
    assert len(teller.asked) == 4
    shutil.rmtree(unfinished)
    assert collect(home, dry_run=False).answers == 8
    assert not list(home.root.glob("generations/*/"))


@pytest.mark.usefixtures("kept")
def test_a_collector_that_was_killed_after_it_wrote_leaves_what_the_next_one_mends(home: Home, tmp_path: Path) -> None:
    before = shutil.copytree(home.root / "generations", tmp_path / "before")
    collect(home, dry_run=False)
    shutil.copytree(before, home.root / "generations", dirs_exist_ok=True)
    collect(home, dry_run=False)
    assert len(answers(home)) == len(set(answers(home))) == 10


def test_of_two_answers_to_one_question_the_one_that_is_found_stays(five: Artifact, home: Home) -> None:
    """Two runs at once may answer the same in files whose other rows nobody needs."""
    needed = make_samples(five, Teller(), home)
    ids = [sample.sample_id for sample in needed.read(Sample)]
    shutil.rmtree(home.root / "generations")
    root = home.root / "generations"
    for number in range(12):
        asked = [Question(sample_id, ()) for sample_id in (*ids[:3], f"{number:064x}", *ids[3 + number % 7 :])]
        generations_of(root, make_generator(), "a machine").keep(Teller(words=f"version {number} of").generate(asked))
    before = {i: generations_of(root, make_generator(), "a machine")[i] for i in ids}

    collect(home, dry_run=False)

    assert {i: generations_of(root, make_generator(), "a machine")[i] for i in ids} == before
    assert answers(home) == sorted(ids)


@pytest.mark.usefixtures("kept")
def test_a_stage_at_work_keeps_the_collector_away(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    before = sizes(home)
    with in_use(home.root / "generations"), pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "self_generate is at work here: wait until it ends" in capsys.readouterr().err
    assert sizes(home) == before


def test_a_result_that_cannot_be_read_keeps_everything(kept: Artifact, home: Home) -> None:
    before = sizes(home)
    shard = kept.folder / "part-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(ContractError, match=str(shard)):
        collect(home, dry_run=False)
    assert sizes(home) == before


@pytest.mark.usefixtures("kept")
def test_the_command_says_what_went_for_people_and_for_scripts(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    del home
    main(["--dry-run"])
    assert capsys.readouterr().out.startswith("would remove 6 answers: 0.0")
    main(["--json"])
    report = json.loads(capsys.readouterr().out)
    assert (report["answers"], report["answers_left"], report["dry_run"]) == (6, 10, False)
    main([])
    assert "10 answers are needed" in capsys.readouterr().out
