import re
from pathlib import Path

import pytest

from components.core.contracts.artifacts import MANIFEST, Artifact, Draft, Lineage, Tally, open_artifact
from components.core.contracts.errors import ContractError
from components.core.contracts.records import RefusedSample, Sample, SampleRefusal
from tests.builders import make_sample

LINEAGE = Lineage(stage="self_generate", key="1" * 64, code="2" * 64, settings={}, inputs={}, models={}, sources={})
KEPT = [make_sample(prompt=f"Question {n}?") for n in range(3)]
REFUSED = [RefusedSample(sample=make_sample(response=""), reason=SampleRefusal.EMPTY, detail="no words")]


def make_artifact(folder: Path, lineage: Lineage = LINEAGE, log: str = "took 3 s") -> Artifact:
    folder.mkdir()
    draft, tally = Draft(folder), Tally()
    tally.rows_in, tally.rows_out = 4, 3
    tally.refused[SampleRefusal.EMPTY] += 1
    draft.write(KEPT, Sample, rows_per_shard=2)
    draft.quarantine(REFUSED, RefusedSample)
    (folder / "log.txt").write_text(log)
    draft.attach(folder / "log.txt")
    draft.close(kind="samples", counts=tally.counts(), facts={"mean": 0.5}, lineage=lineage)
    return open_artifact(folder, "samples")


def test_an_artifact_gives_back_its_rows_and_its_quarantine(tmp_path: Path) -> None:
    artifact = make_artifact(tmp_path / "a")

    assert list(artifact.read(Sample)) == KEPT
    assert list(artifact.read_quarantine(RefusedSample)) == REFUSED
    assert artifact.manifest.counts.refused == {"empty": 1}


def test_the_digest_is_of_the_content_alone(tmp_path: Path) -> None:
    one = make_artifact(tmp_path / "a")
    other = make_artifact(tmp_path / "b", LINEAGE.model_copy(update={"key": "9" * 64}), log="took 300 s")

    assert one.digest == other.digest


@pytest.mark.parametrize("name", ["part-00000.parquet", "part-00001.parquet", "quarantine.parquet", "log.txt"])
def test_a_flipped_byte_is_an_error_that_names_the_file(tmp_path: Path, name: str) -> None:
    folder = make_artifact(tmp_path / "a").folder
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)

    with pytest.raises(ContractError, match=rf"{re.escape(name)}: content changed since it was written"):
        open_artifact(folder)


def test_a_flipped_byte_in_the_manifest_is_an_error(tmp_path: Path) -> None:
    folder = make_artifact(tmp_path / "a").folder
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(text.replace('"mean":0.5', '"mean":0.6'))

    with pytest.raises(ContractError, match="does not match its own digest"):
        open_artifact(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"contract": 1}'])
def test_a_manifest_that_is_none_is_one_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)

    with pytest.raises(ContractError, match=r"manifest\.json: not a manifest"):
        open_artifact(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = make_artifact(tmp_path / "a").folder
    (folder / "part-00001.parquet").unlink()

    with pytest.raises(ContractError, match=r"part-00001\.parquet: missing"):
        open_artifact(folder)


def test_a_file_that_nobody_wrote_is_named(tmp_path: Path) -> None:
    folder = make_artifact(tmp_path / "a").folder
    (folder / "part-00002.parquet").write_bytes(b"")

    with pytest.raises(ContractError, match=r"part-00002\.parquet: not in the manifest"):
        open_artifact(folder)


def test_a_folder_without_a_manifest_is_not_an_artifact(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="not complete; run the stage that makes it"):
        open_artifact(tmp_path)


def test_another_kind_is_refused(tmp_path: Path) -> None:
    folder = make_artifact(tmp_path / "a").folder

    with pytest.raises(ContractError, match="holds samples, want clips"):
        open_artifact(folder, "clips")


def test_a_lost_row_stops_the_stage() -> None:
    tally = Tally()
    tally.rows_in, tally.rows_out = 4, 3

    with pytest.raises(ContractError, match=re.escape("rows do not add up: 4 in, 3 out, refused {}")):
        tally.counts()
