"""The sample corpora as they lie in data/, and the script that builds them, on a small package tree."""

import csv
import gzip
import hashlib
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from components.core.contracts.records import Domain, Split
from infra.corpora.build import main
from infra.corpora.plan import CLIP_COLUMNS, load_plan

REPOSITORY = Path(__file__).parents[2]
DATA = REPOSITORY / "data"
MEBIBYTE = 2**20
Row = dict[str, str]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Every clip of the sample corpora, with the name and the folder of its corpus."""
    assert (DATA / "corpora").is_dir(), "data/ is missing: run `dvc pull` in the repository root"
    found: list[Row] = []
    for folder in sorted((DATA / "corpora").iterdir()):
        with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
            found += [{**row, "corpus": folder.name, "file": str(folder / row["path"])} for row in csv.DictReader(file)]
    return found


@pytest.fixture(scope="module")
def digests(rows: list[Row]) -> dict[str, str]:
    """The digest of each clip's samples, by file: every file of the corpora is decoded for it."""
    return {row["file"]: hashlib.sha256(soundfile.read(row["file"])[0].tobytes()).hexdigest() for row in rows}


def values(rows: list[Row], column: str, **where: str) -> set[str]:
    return {row[column] for row in rows if all(row[key] == value for key, value in where.items())} - {""}


def count(rows: list[Row], **where: str) -> int:
    return sum(all(row[key] == value for key, value in where.items()) for row in rows)


def test_there_are_clips_enough_of_every_domain(rows: list[Row]) -> None:
    assert len(rows) >= 300
    assert count(rows, domain="speech") >= 150
    assert count(rows, domain="sound") >= 85
    assert count(rows, domain="music") >= 60


def test_six_speakers_of_five_languages_are_heard_and_four_of_each_in_training(rows: list[Row]) -> None:
    languages = {tag.split("-")[0] for tag in values(rows, "language", domain="speech")}
    assert len(values(rows, "speaker_id")) >= 6
    assert languages >= {"en", "es", "fr", "it", "ru"}
    assert len(values(rows, "speaker_id", split="train")) >= 4
    assert len({tag.split("-")[0] for tag in values(rows, "language", split="train")}) >= 4


@pytest.mark.parametrize(("domain", "least"), [("speech", 35), ("sound", 20), ("music", 20)])
def test_every_domain_can_be_evaluated(rows: list[Row], domain: str, least: int) -> None:
    assert count(rows, domain=domain, split="evaluation") >= least
    assert count(rows, domain=domain, split="validation") >= 5


def test_training_has_about_seven_clips_in_ten(rows: list[Row]) -> None:
    assert 0.6 <= count(rows, split="train") / len(rows) <= 0.75
    assert values(rows, "split") == set(Split)


def test_every_clip_says_what_it_is_and_may_be_used(rows: list[Row]) -> None:
    for row in rows:
        assert row["licence"], row["file"]
        assert row["source_id"], row["file"]
        assert row["domain"] in set(Domain), row["file"]


def test_every_speech_clip_has_a_transcript_a_language_and_a_speaker(rows: list[Row]) -> None:
    for row in rows:
        if row["domain"] == "speech":
            assert row["transcript"].strip() and row["language"] and row["speaker_id"], row["file"]  # noqa: PT018


def test_every_sound_has_a_label_and_every_music_clip_a_caption(rows: list[Row]) -> None:
    for row in rows:
        if row["domain"] == "sound":
            assert row["sound_event"], row["file"]
        elif row["domain"] == "music":
            assert row["caption"], row["file"]


def test_no_transcript_holds_a_lost_letter_or_a_stage_direction(rows: list[Row]) -> None:
    assert [row["file"] for row in rows if any(mark in row["transcript"] for mark in "[]()<>�_")] == []


@pytest.mark.parametrize("shared", ["speaker_id", "source_id", "digest"])
def test_splits_share_nobody_and_nothing(rows: list[Row], digests: dict[str, str], shared: str) -> None:
    known = [{**row, "digest": digests[row["file"]]} for row in rows]
    for one, other in combinations(Split, 2):
        assert values(known, shared, split=one) & values(known, shared, split=other) == set()


def test_no_two_clips_hold_the_same_samples(digests: dict[str, str]) -> None:
    assert len(set(digests.values())) == len(digests)


def test_every_file_belongs_to_a_row(rows: list[Row]) -> None:
    stored = {str(file) for file in (DATA / "corpora").glob("*/audio/*")}
    assert stored == {row["file"] for row in rows}


def test_each_corpus_says_its_terms_and_allows_the_attributes_it_has() -> None:
    for folder in sorted((DATA / "corpora").iterdir()):
        facts = yaml.safe_load((folder / "corpus.yaml").read_text(encoding="utf-8"))
        header = (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
        assert facts["name"] == folder.name
        assert facts["licence"]
        assert facts["attribution"]
        assert header == ["path", *CLIP_COLUMNS, *facts["attributes"]]


def test_the_notice_names_every_corpus_package_and_licence(rows: list[Row]) -> None:
    notice = (DATA / "NOTICE").read_text(encoding="utf-8")
    packages = {
        f"{name} {version}"
        for corpus in load_plan(REPOSITORY / "infra/corpora")
        for name, version in corpus.packages.items()
    }
    assert [text for text in packages | values(rows, "licence") | values(rows, "corpus") if text not in notice] == []


def test_the_tables_are_those_that_the_script_would_write_from_its_plan(rows: list[Row]) -> None:
    planned = {corpus.name: len(corpus.picks) for corpus in load_plan(REPOSITORY / "infra/corpora")}
    assert {name: count(rows, corpus=name) for name in values(rows, "corpus")} == planned


@pytest.mark.parametrize(("folder", "most"), [("data", 24), ("infra/dvc/remote", 25)])
def test_the_corpora_stay_small_enough_to_come_with_the_repository(folder: str, most: int) -> None:
    files = [file for file in (REPOSITORY / folder).rglob("*") if file.is_file()]
    assert files
    assert sum(file.stat().st_size for file in files) <= most * MEBIBYTE


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A made-up tree of two unpacked packages: a voice with its words, and sounds with a text beside them."""
    root = tmp_path / "root"
    for name in ("voice", "sounds"):
        document = root / "usr/share/doc" / name
        document.mkdir(parents=True)
        (document / "changelog.Debian.gz").write_bytes(gzip.compress(f"{name} (1.10-1) unstable\n".encode()))
        (document / "copyright").write_text(f"Copyright: the authors of {name}\n", encoding="utf-8")
    words = "; made up\nhello: Hello there.\nbye:  Good   bye.\n"
    (root / "usr/share/doc/voice/words.txt.gz").write_bytes(gzip.compress(words.encode()))
    folder = root / "audio"
    folder.mkdir()
    for number, name in enumerate(("hello.wav", "bye.wav", "Bell 1.ogg", "long.wav"), start=1):
        write_tone(folder / name, hertz=110 * number, seconds=5.0 if name == "long.wav" else 1.0)
    (folder / "Bell 1.txt").write_text("A bell.\nes.utf8=Una campana.\n", encoding="utf-8")
    return root


def write_tone(path: Path, hertz: float, seconds: float = 1.0, level: float = 0.3) -> None:
    time_s = np.arange(int(8000 * seconds)) / 8000
    # A rising tone: no two excerpts of it are alike.
    soundfile.write(path, level * np.sin(2 * np.pi * (hertz + 10 * time_s) * time_s), 8000)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A plan for these packages: two sentences, a bell, and two excerpts of one recording."""
    folder = tmp_path / "plan"
    (folder / "selection").mkdir(parents=True)
    (folder / "licences").mkdir()
    terms = {"licence": "CC0-1.0", "attribution": "The authors", "folder": "audio"}
    voice = {"packages": {"voice": "1.10-1"}, **terms, "domain": "speech", "language": "en", "attributes": ["gender"]}
    voice["texts"] = {"column": "transcript", "format": "asterisk", "file": "usr/share/doc/voice/words.txt.gz"}
    voice["every_clip"] = {"split": "train", "speaker_id": "someone", "gender": "female"}
    sounds = {"packages": {"sounds": "1.10-1"}, **terms, "domain": "sound", "attributes": ["sound_event", "caption"]}
    sounds["texts"] = {"column": "caption", "format": "stamp"}
    (folder / "corpora.yaml").write_text(yaml.safe_dump({"voice": voice, "sounds": sounds}), encoding="utf-8")
    (folder / "selection/voice.csv").write_text("source\nhello.wav\nbye.wav\n", encoding="utf-8")
    (folder / "selection/sounds.csv").write_text(
        "source,start_s,duration_s,split,sound_event,caption\nBell 1.ogg,,,train,bell,\n"
        "long.wav,0,2,evaluation,tone,A tone.\nlong.wav,2.5,2,evaluation,tone,A tone.\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def run(plan: Path, packages: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Run the script on the made-up packages into a folder of that name."""

    def run_into(name: str) -> Path:
        main(["--root", str(packages), "--plan", str(plan), "--out", str(tmp_path / name)])
        return tmp_path / name

    return run_into


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_same_packages_give_the_same_bytes(run: Callable[[str], Path]) -> None:
    assert files_of(run("one")) == files_of(run("two"))


def test_a_second_build_replaces_the_first_and_leaves_the_rest_of_the_folder(run: Callable[[str], Path]) -> None:
    before = files_of(run("out"))
    (run("out") / "corpora" / "stale").mkdir()
    (run("out") / "benchmark.parquet").write_bytes(b"kept")
    assert files_of(run("out")) == {**before, "benchmark.parquet": b"kept"}


def test_words_come_from_the_package_and_audio_without_loss(run: Callable[[str], Path], packages: Path) -> None:
    out = run("out") / "corpora"
    table = (out / "voice/metadata.csv").read_text(encoding="utf-8").splitlines()
    assert table[1:] == [
        "audio/bye.flac,speech,Good bye.,en,someone,voice/bye,train,CC0-1.0,female",
        "audio/hello.flac,speech,Hello there.,en,someone,voice/hello,train,CC0-1.0,female",
    ]
    stored, _ = soundfile.read(out / "voice/audio/hello.flac", dtype="int16")
    original, _ = soundfile.read(packages / "audio/hello.wav", dtype="int16")
    assert (stored == original).all()
    assert (out / "sounds/audio/bell-1.ogg").read_bytes() == (packages / "audio/Bell 1.ogg").read_bytes()


def test_excerpts_of_one_recording_share_its_source(run: Callable[[str], Path]) -> None:
    table = (run("out") / "corpora/sounds/metadata.csv").read_text(encoding="utf-8").splitlines()
    assert [line for line in table if "long" in line] == [
        "audio/long-000s.flac,sound,,,,sounds/long,evaluation,CC0-1.0,tone,A tone.",
        "audio/long-002s.flac,sound,,,,sounds/long,evaluation,CC0-1.0,tone,A tone.",
    ]
    assert any("A bell." in line for line in table)


Spoil = Callable[[Path, Path], None]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda _, root: write_tone(root / "audio/bye.wav", hertz=220, level=0.001), "is silent at -63 dBFS"),
        (lambda _, root: write_tone(root / "audio/bye.wav", hertz=220, seconds=0.2), "lasts 0.20 s"),
        (lambda _, root: write_tone(root / "audio/bye.wav", hertz=220, level=50), "is clipped in"),
        (lambda _, root: write_tone(root / "audio/bye.wav", hertz=110), "has the samples of voice/audio/bye.flac"),
        (lambda _, root: (root / "audio/bye.wav").write_bytes(b"no audio"), "cannot be decoded"),
        (lambda _, root: (root / "audio/bye.wav").unlink(), "cannot be decoded"),
        (lambda _, root: (root / "usr/share/doc/voice/words.txt.gz").unlink(), "words.txt.gz: No such file"),
        (lambda _, root: (root / "usr/share/doc/voice/copyright").unlink(), "cannot be used without its terms"),
        (
            lambda plan, _: replace(plan / "corpora.yaml", "voice: 1.10-1", "voice: 1.1-1"),
            "says 1.10-1, want voice 1.1-1",
        ),
        (lambda plan, _: replace(plan / "corpora.yaml", "language: en", "langage: en"), "mend langage"),
        (lambda plan, _: replace(plan / "selection/voice.csv", "bye.wav", "long.wav"), "no words for 'long'"),
        (
            lambda plan, _: replace(plan / "selection/sounds.csv", "sound_event", "sound_evnt"),
            "unknown column 'sound_evnt'",
        ),
        (lambda plan, _: replace(plan / "selection/sounds.csv", ",,,train", ",,,training"), "split 'training'"),
        (
            lambda plan, _: replace(plan / "selection/sounds.csv", ",2.5,2,evaluation", ",2.5,2,train"),
            "'sounds/long' is in another",
        ),
        (lambda plan, _: replace(plan / "selection/sounds.csv", "Bell 1.ogg,,", "Bell 1.ogg,0,1"), "kept whole"),
        (lambda plan, _: replace(plan / "selection/sounds.csv", "long.wav,2.5,2", "long.wav,soon,2"), "got 'soon'"),
    ],
)
def test_a_fault_is_one_line_and_leaves_nothing_behind(
    run: Callable[[str], Path],
    plan: Path,
    packages: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Spoil,
    said: str,
) -> None:
    spoil(plan, packages)
    with pytest.raises(SystemExit) as stopped:
        run("out")
    errors = capsys.readouterr().err.splitlines()
    assert stopped.value.code in (1, 2)
    assert len(errors) == 1
    assert said in errors[0]
    assert not (tmp_path / "out/corpora").exists()
