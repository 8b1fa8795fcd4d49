"""What was decoded before is not decoded again, and the result has the same bytes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.artifacts import Artifact
from components.core.contracts.records import Clip, Split
from components.ingest_audio import stage
from components.ingest_audio.clips import make_clip
from tests.builders import make_tone, write_corpus
from tests.components.ingest_audio.making import ingested

COUNT = 20
ROWS = "".join(f"{n:02d}.flac,train\n" for n in range(COUNT))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded from here on; decoding itself goes on as ever."""
    names: list[str] = []

    def spied(placed: Any, *arguments: Any) -> Any:
        names.append(placed.recording.path)
        return make_clip(placed, *arguments)

    monkeypatch.setattr(stage, "make_clip", spied)
    monkeypatch.setattr(stage, "CLIPS_PER_SHARD", 8)
    return names


def corpus(folder: Path) -> Path:
    files = {f"{n:02d}.flac": make_tone(hertz=200 + 10 * n) for n in range(COUNT)}
    return write_corpus(folder, files, table=f"path,split\n{ROWS}")


def same(one: Artifact, other: Artifact) -> bool:
    return one.digest == other.digest and one.manifest.files == other.manifest.files


def test_a_changed_file_is_the_only_one_that_is_decoded(tmp_path: Path, decoded: list[str]) -> None:
    folder = corpus(tmp_path / "c")
    ingested([folder], tmp_path)
    assert len(decoded) == COUNT
    decoded.clear()
    write_corpus(folder, {"07.flac": make_tone(hertz=999)}, table=f"path,split\n{ROWS}")
    assert ingested([folder], tmp_path).manifest.counts.rows_out == COUNT
    assert decoded == ["07.flac"]
    assert same(ingested([folder], tmp_path), ingested([folder], tmp_path / "fresh"))


def test_what_the_corpus_says_is_read_again_without_decoding(tmp_path: Path, decoded: list[str]) -> None:
    folder = corpus(tmp_path / "c")
    ingested([folder], tmp_path)
    decoded.clear()
    (folder / "metadata.csv").write_text(f"path,split\n{ROWS.replace('07.flac,train', '07.flac,evaluation')}")
    clips = ingested([folder], tmp_path).read(Clip)
    assert [clip.source.path for clip in clips if clip.split is Split.EVALUATION] == ["07.flac"]
    assert decoded == []


def test_another_way_to_decode_takes_nothing_over(tmp_path: Path, decoded: list[str]) -> None:
    folder = corpus(tmp_path / "c")
    ingested([folder], tmp_path)
    decoded.clear()
    ingested([folder], tmp_path, min_s=0.5)
    assert len(decoded) == COUNT


def stop_after(number: int) -> Callable[..., Any]:
    """Make the stage end in the middle, as a kill would, when it comes to a clip."""

    def work(placed: Any, *arguments: Any) -> Any:
        if placed.recording.path == f"{number:02d}.flac":
            raise KeyboardInterrupt
        return make_clip(placed, *arguments)

    return work


@pytest.mark.parametrize("damage", [False, True])
def test_an_interrupted_stage_goes_on_after_its_last_whole_shard(
    tmp_path: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch, damage: bool
) -> None:
    folder = corpus(tmp_path / "c")
    with monkeypatch.context() as patch:
        patch.setattr(stage, "make_clip", stop_after(18))
        with pytest.raises(KeyboardInterrupt):
            ingested([folder], tmp_path, workers=1)
    kept = sorted((tmp_path / "home" / "work").rglob("*.parquet"))
    if damage:
        kept[0].write_bytes(kept[0].read_bytes()[:-1] + b"!")
    resumed = ingested([folder], tmp_path, workers=1)
    assert len(kept) == 2
    assert len(decoded) == COUNT - 8 * (len(kept) - damage)
    assert same(resumed, ingested([folder], tmp_path / "fresh"))
    assert not list((tmp_path / "home" / "work").rglob("*.parquet"))
