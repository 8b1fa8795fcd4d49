"""Where else a speaker can be: published datasets, MLflow, and any file under any name."""

import base64
import gzip
import io
import json
import random
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dvc.repo import Repo

from components.core.contracts.artifacts import Artifact, open_artifact
from components.core.contracts.records import Clip, Sample
from components.core.home import Home
from components.core.registry import EVALUATION, Registry
from components.core.runs import write_run
from components.ingest_audio.__main__ import main as ingest
from pipelines.champion import champion_of
from pipelines.erasure.recordings import corpora_below
from pipelines.erasure.searching import Searcher
from pipelines.erasure.subject import Traces
from pipelines.publish.published import open_published
from tests.builders import make_tone, write_corpus
from tests.components.ingest_audio.making import as_file
from tests.pipelines.erasure.doing import certificate_in, desta, erase, left_in, now, places_of
from tests.pipelines.erasure.looking import telling_of, traces_below
from tests.pipelines.erasure.making import RUN, tone_of
from tests.pipelines.results import make_run_record


def test_a_published_dataset_is_written_again_here_and_on_the_remote(
    home: Home, root: Path, results: dict[str, Artifact]
) -> None:
    telling = telling_of(list(results["ingest_audio"].read(Clip)))
    assert desta("publish", "--name", "spring") == 0
    before = open_published("spring", home, root)
    assert list(traces_below(root / "data" / "published", telling))

    assert erase("--speaker", "anna") == 0

    assert left_in(home, root, telling) == []
    after = open_published("spring", home, root)
    assert after.revision != before.revision
    assert after.record.accepted == now(home, "validate_data").digest
    assert after.record.clips == now(home, "ingest_audio").digest
    assert len(list(after.results["validate_data"].read(Sample))) == 3
    card = (root / "data" / "published" / "spring" / "README.md").read_text()
    assert "desta run --from-published spring" in card
    assert before.record.accepted[:12] not in card


def test_mlflow_has_the_new_versions_and_the_model_is_marked(
    home: Home,
    root: Path,
    results: dict[str, Artifact],
    registered: str,
    downloaded: Callable[[], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    telling = telling_of(list(results["ingest_audio"].read(Clip)))
    assert list(traces_below(home.root / "mlartifacts", telling))

    assert erase("--speaker", "anna") == 0

    assert "THE CHAMPION, desta-adapter@1 learned from it" in capsys.readouterr().out
    assert left_in(home, root, telling) == []
    found = Registry(home).version(registered)
    (model,) = json.loads(certificate_in(home).read_text())["models"]
    assert found.tags["desta.erased"] == certificate_in(home).parent.name
    assert found.tags["desta.retrain"] == model["retrain"] == "desta run --profile smoke --set train_model.steps=9"
    assert found.tags[EVALUATION] == now(home, "evaluate_model").digest
    assert open_artifact(downloaded(), "report").digest == now(home, "evaluate_model").digest
    assert "IT LEARNED FROM WHAT ERASURE" in str(champion_of(home))


def as_archive(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("x")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


ZOO = "name: zoo\nlicence: CC0-1.0\ndomain: sound\n"
DISGUISES: dict[str, Callable[[bytes], bytes]] = {
    "as it was": lambda data: data,
    "in a page": lambda data: b'<audio src="data:audio/flac;base64,' + base64.b64encode(data) + b'">',
    "packed": gzip.compress,
    "in an archive": as_archive,
}


@pytest.fixture
def remains(results: dict[str, Artifact]) -> list[bytes]:
    """Copies of what held the speaker, as somebody could have put them aside."""
    clip = next(clip for clip in results["ingest_audio"].read(Clip) if clip.speaker_id == "anna")
    shards = [results[stage].shards[0].read_bytes() for stage in ("ingest_audio", "validate_data", "evaluate_model")]
    texts = [json.dumps({"clip": clip.clip_id}).encode(), clip.source.sha256.encode()]
    return [clip.audio.bytes, *shards, *texts]


def test_a_copy_of_anything_anywhere_under_any_name_is_found(
    home: Home, root: Path, remains: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    assert erase("--speaker", "anna") == 0
    certificate, chance = str(certificate_in(home)), random.Random(7)  # noqa: S311 (no secret)
    folders = ["work", "store/ingest_audio", ".hidden", f"runs/{RUN}/bundle", "models-not", "published/x", "erasures"]
    places = [*(home.root / folder for folder in folders), *places_of(home, root)]
    for number, place in enumerate(places):
        data, disguise = remains[number % 4], chance.choice(list(DISGUISES.values()))
        file = place / f"{chance.randbytes(4).hex()}{chance.choice(['', '.tmp', '.json', '.corrupt'])}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(disguise(data))
        capsys.readouterr()
        assert desta("verify", "--erased", certificate) == 1
        assert str(file) in capsys.readouterr().err
        file.unlink()
    assert desta("verify", "--erased", certificate) == 0


@pytest.mark.parametrize("disguise", DISGUISES)
def test_whatever_held_her_is_found_in_any_disguise(
    results: dict[str, Artifact], remains: list[bytes], disguise: str
) -> None:
    clip = next(clip for clip in results["ingest_audio"].read(Clip) if clip.speaker_id == "anna")
    traces = Traces(speaker=None, clips=(clip.clip_id,), samples=(), sources=(clip.source.sha256,))
    for data in remains:
        assert Searcher(traces).find("x", DISGUISES[disguise](data))
    assert Searcher(traces).find("x", DISGUISES[disguise](b"something else")) is None


def test_a_file_that_holds_others_too_is_left_to_people_and_named_until_they_have_mended_it(
    home: Home, root: Path, remains: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    shared = root / "data" / "bench" / "items.tar"
    shared.parent.mkdir()
    shared.write_bytes(as_archive(remains[0]))
    (shared.parent / "copy.flac").write_bytes(remains[0])
    with Repo(str(root)) as repository:
        repository.add([str(root / "data")])
    assert erase("--speaker", "anna") == 0
    assert f"{shared}: holds the removed file" in (certificate_in(home).parent / "certificate.md").read_text()
    assert not (shared.parent / "copy.flac").exists()
    with Repo(str(root)) as repository:
        assert repository.status() == {}
        assert repository.status(cloud=True) == {}
    capsys.readouterr()
    assert desta("verify", "--erased", str(certificate_in(home))) == 1
    assert str(shared) in capsys.readouterr().err


def test_a_speaker_leaves_a_file_that_others_share(
    home: Home, tmp_path: Path, root: Path, results: dict[str, Artifact]
) -> None:
    del results
    talk = np.concatenate([make_tone(hertz=hertz, level=0.2) for hertz in (700.0, 1100.0)])
    table = "path,start_s,duration_s,speaker_id,transcript\ntalk.wav,0,1,anna,hello\ntalk.wav,1,1,dora,good day\n"
    policy = "name: talks\nlicence: CC0-1.0\ndomain: speech\n"
    folder = root / "data" / "corpora" / "talks"
    write_corpus(folder, {"talk.wav": as_file(talk, "WAV", "PCM_16")}, policy=policy, table=table)
    with Repo(str(root)) as repository:
        repository.add([str(root / "data")])
    ingest(["--corpus", str(folder), "--clips", str(tmp_path / "clips")])
    both = list(open_artifact(tmp_path / "clips").read(Clip))
    assert [clip.speaker_id for clip in both] == ["anna", "dora"]

    assert erase("--speaker", "anna") == 0

    assert (folder / "metadata.csv").read_text() == "".join(table.splitlines(keepends=True)[::2])
    certificate = json.loads(certificate_in(home).read_text())
    assert (
        "talks/talk.wav: other recordings of the same file stay: cut the file, and ingest it again"
        in certificate["people"]
    )
    assert both[0].clip_id in certificate["removed"]["clips"]
    assert both[0].source.sha256 not in certificate["removed"]["sources"]
    (folder / "metadata.csv").write_text(table)
    ingest(["--corpus", str(folder), "--clips", str(tmp_path / "again")])
    again = open_artifact(tmp_path / "again")
    assert list(again.read(Clip)) == both[1:]
    assert again.manifest.counts.refused == {"erased": 1}


def test_a_corpus_outside_of_the_checkout_is_named_and_its_clips_leave(
    home: Home, root: Path, tmp_path: Path, results: dict[str, Artifact]
) -> None:
    del results
    table = "path,speaker_id\nmine.wav,anna\nyours.wav,dora\n"
    files = {"mine.wav": make_tone(hertz=700.0), "yours.wav": make_tone(hertz=1300.0)}
    policy = "name: diary\nlicence: CC0-1.0\ndomain: speech\n"
    folder = write_corpus(
        tmp_path / "diary", {n: as_file(t, "WAV", "PCM_16") for n, t in files.items()}, policy=policy, table=table
    )
    ingest(["--corpus", str(folder), "--clips", str(tmp_path / "clips")])
    write_run(home.runs / "r2", make_run_record(run_id="r2", parameters={"corpora": [str(folder)]}))
    before = list(open_artifact(tmp_path / "clips").read(Clip))

    assert erase("--speaker", "anna") == 0

    people = json.loads(certificate_in(home).read_text())["people"]
    assert [line.partition(":")[0] for line in people][:1] == [str(folder)]
    assert (folder / "mine.wav").is_file()
    ingest(["--corpus", str(folder), "--clips", str(tmp_path / "clips")])
    assert list(open_artifact(tmp_path / "clips").read(Clip)) == [clip for clip in before if clip.speaker_id == "dora"]
    assert corpora_below(root)


@pytest.mark.usefixtures("results")
def test_a_copy_under_another_name_goes_with_the_recording(root: Path, tmp_path: Path) -> None:
    corpora = root / "data" / "corpora"
    copy = as_file(tone_of("anna", 0), "WAV", "PCM_16")
    write_corpus(corpora / "zoo", {"whose.wav": copy, "own.wav": make_tone(hertz=1300.0)}, policy=ZOO)
    with Repo(str(root)) as repository:
        repository.add([str(root / "data")])
    flags = [part for name in ("voices", "zoo") for part in ("--corpus", str(corpora / name))]
    ingest([*flags, "--clips", str(tmp_path / "clips")])
    assert open_artifact(tmp_path / "clips").manifest.counts.refused == {"duplicate": 1}

    assert erase("--speaker", "anna") == 0

    assert sorted(file.name for file in (corpora / "zoo").iterdir()) == ["corpus.yaml", "own.wav"]
    ingest([*flags, "--clips", str(tmp_path / "clips")])
    counts = open_artifact(tmp_path / "clips").manifest.counts
    assert (counts.rows_in, counts.rows_out, counts.refused) == (5, 5, {})
    (corpora / "zoo" / "whose.wav").write_bytes(copy)
    ingest([*flags, "--clips", str(tmp_path / "clips")])
    assert open_artifact(tmp_path / "clips").manifest.counts.refused == {"erased": 1}
