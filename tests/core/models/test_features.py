"""Features on disk are those that the encoder would give again, and nothing else is ever taken for them."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from components.core.contracts.artifacts import Artifact, Draft, Lineage, Tally, open_artifact
from components.core.contracts.errors import ContractError, SourceError
from components.core.contracts.records import Clip
from components.core.digests import digest_of_bytes
from components.core.models.encoder import Encoder, encoder_for, hearing_for
from components.core.models.feature_files import FeatureFiles, erase_features, kept_in
from components.core.models.features import KeptFeatures, LiveFeatures
from components.core.models.store import StoredModel, read_model_manifest
from components.core.progress import Progress
from tests.builders import make_clip, make_tone
from tests.core.models.test_adapter import make_config

ADAPTER = make_config(encoder_width=384, encoder_heads=6)
CLIPS = [make_clip(pcm=make_tone(hertz=200.0 * (n + 1), duration_s=0.5 + n)) for n in range(3)]
IDS = [clip.clip_id for clip in CLIPS]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    draft, tally = Draft(tmp_path_factory.mktemp("clips")), Tally()
    draft.write(CLIPS, Clip)
    lineage = Lineage(stage="x", key="1" * 64, code="2" * 64, settings={}, inputs={}, models={}, sources={})
    draft.close(kind="clips", counts=tally.counts(), facts={}, lineage=lineage)
    return open_artifact(draft.folder)


@pytest.fixture(scope="module")
def ear(encoder: StoredModel) -> Encoder:
    return encoder_for(ADAPTER, encoder.folder, "cpu")


@pytest.fixture(scope="module")
def heard(clips: Artifact, encoder: StoredModel, ear: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the features of all clips, settled; tests that change it copy it."""
    root = tmp_path_factory.mktemp("features")
    kept(root, encoder).complete(clips, IDS, lambda: ear, Progress())
    for file in root.rglob("*.safetensors"):
        os.utime(file, (1.0, 1.0))
    return root


def kept(root: Path, encoder: StoredModel) -> KeptFeatures:
    return KeptFeatures(root, hearing_for(ADAPTER, encoder.digest, "cpu"))


def file_of(root: Path, clip_id: str) -> Path:
    (found,) = root.rglob(f"{clip_id}.safetensors")
    return found


def never() -> Encoder:
    raise AssertionError("the encoder was opened though nothing is missing")


def test_what_is_kept_is_what_is_heard_again(clips: Artifact, heard: Path, encoder: StoredModel, ear: Encoder) -> None:
    on_disk, live = kept(heard, encoder), LiveFeatures(clips, IDS, ear)

    assert all(torch.equal(on_disk.read(clip_id), live.read(clip_id)) for clip_id in IDS)
    assert [on_disk.read(clip_id).shape for clip_id in IDS] == [(4, 25 + 50 * n, 384) for n in range(3)]


def test_what_is_there_is_not_heard_again(clips: Artifact, heard: Path, encoder: StoredModel) -> None:
    kept(heard, encoder).complete(clips, IDS, never, Progress())


def test_reading_maps_the_file(heard: Path, encoder: StoredModel) -> None:
    states = kept(heard, encoder).read(IDS[0])

    assert str(file_of(heard, IDS[0])) in Path("/proc/self/maps").read_text()
    assert states.shape[0] == 4


def test_the_frames_behind_the_end_are_kept_for_an_adapter_that_attends_to_them(
    encoder: StoredModel, ear: Encoder, clips: Artifact
) -> None:
    upstream = encoder_for(ADAPTER.model_copy(update={"mask_frames": False}), encoder.folder, "cpu")

    own, whole = (LiveFeatures(clips, IDS[:1], one).read(IDS[0]) for one in (ear, upstream))

    assert whole.shape == (4, 1500, 384)
    assert torch.equal(whole[:, :25], own)
    assert whole[:, 25:].abs().sum() > 0


def test_a_process_hashes_a_file_once_and_again_when_it_was_touched(
    heard: Path, encoder: StoredModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "features"
    shutil.copytree(heard, root)
    now_ns = time.time_ns()
    monkeypatch.setattr("components.core.file_digests.time.time_ns", lambda: now_ns + 10**10)
    hashed: list[int] = []

    def count(data: bytes) -> str:
        hashed.append(len(data))
        return digest_of_bytes(data)

    monkeypatch.setattr("components.core.models.features.digest_of_bytes", count)
    features = kept(root, encoder)

    for _ in range(3):
        features.read(IDS[0])
    assert len(hashed) == 1

    file_of(root, IDS[0]).touch()
    features.read(IDS[0])
    assert len(hashed) == 2


@pytest.mark.parametrize("known", [False, True], ids=["new", "read_before"])
@pytest.mark.parametrize("at", [3, 20, 60, 5000, -1])
def test_a_flipped_byte_is_an_error_that_names_the_file(
    heard: Path, encoder: StoredModel, tmp_path: Path, at: int, known: bool
) -> None:
    root = tmp_path / "features"
    shutil.copytree(heard, root)
    features, file = kept(root, encoder), file_of(root, IDS[1])
    if known:
        features.read(IDS[1])
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)

    with pytest.raises(ContractError, match=f"{file}.*remove it and run again"):
        features.read(IDS[1])


@pytest.mark.parametrize(
    "change",
    [
        {"encoder": "f" * 64},
        {"layers": (0, 3)},
        {"whole_window": True},
        {"device": "cuda"},
        {"versions": {"torch": "0"}},
        {"code": "f" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_decides_the_numbers_has_features_of_its_own(
    heard: Path, encoder: StoredModel, change: dict[str, Any]
) -> None:
    hearing = hearing_for(ADAPTER, encoder.digest, "cpu")

    assert not FeatureFiles(heard, hearing).missing(IDS)
    assert FeatureFiles(heard, hearing.model_copy(update=change)).missing(IDS) == set(IDS)


def test_the_digest_of_the_encoder_is_over_its_feature_extractor(encoder: StoredModel) -> None:
    assert "processor_config.json" in {entry.path for entry in read_model_manifest(encoder.folder).files}


def test_a_folder_says_how_its_clips_were_heard(heard: Path, encoder: StoredModel, tmp_path: Path) -> None:
    root = tmp_path / "features"
    shutil.copytree(heard, root)
    (root / "of-an-earlier-version" / "ab").mkdir(parents=True)

    found = {one.folder: one for one in kept_in(root)}

    assert found.pop("of-an-earlier-version").hearing is None
    (only,) = found.values()
    assert only.clips == 3
    assert str(only.hearing).startswith(
        f"encoder {encoder.digest[:12]}, layers 0, 1, 2, 3, own frames, float16, cpu, torch "
    )


def test_the_room_that_features_take_is_known_before_they_are_heard(
    clips: Artifact, heard: Path, encoder: StoredModel, tmp_path: Path
) -> None:
    before, after = (kept(root, encoder).room(clips, IDS, 384) for root in (tmp_path, heard))

    assert (before.clips, before.missing, before.bytes) == (3, 3, before.missing_bytes)
    assert (after.missing, after.missing_bytes) == (0, 0)
    on_disk = sum(file.stat().st_size for file in heard.rglob("*.safetensors"))
    assert before.bytes == after.bytes == pytest.approx(on_disk, rel=0.01)
    assert str(before).startswith("features: 3 clips, 0.7 MB (0.23 MB a clip), 3 of them to hear, 0.7 MB; in ")


def test_too_little_room_is_said_before_the_first_clip(
    clips: Artifact, encoder: StoredModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(
        "components.core.models.features.shutil.disk_usage", lambda _: type(usage)(usage.total, usage.used, 1000)
    )

    with pytest.raises(SourceError, match=r"features of 3 clips take 0.7 MB, and the disk has 0.0 MB left; make room"):
        kept(tmp_path, encoder).room(clips, IDS, 384)


HEAR = """
import sys
from pathlib import Path
from components.core.contracts.artifacts import open_artifact
from components.core.models.store import StoredModel, read_model_manifest
from components.core.progress import Progress
from tests.core.models.test_features import ADAPTER, IDS, encoder_for, kept

encoder = StoredModel("", Path(sys.argv[1]), sys.argv[2])
clips = open_artifact(Path(sys.argv[3]))
kept(Path(sys.argv[4]), encoder).complete(clips, IDS, lambda: encoder_for(ADAPTER, encoder.folder, "cpu"), Progress())
"""


def test_a_killed_hearing_goes_on_where_it_was(
    clips: Artifact, heard: Path, encoder: StoredModel, ear: Encoder, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", HEAR, str(encoder.folder), encoder.digest, str(clips.folder), str(tmp_path)]
    hearing = subprocess.Popen(command, cwd=Path(__file__).parents[3])
    while not (done := list(tmp_path.rglob("*.safetensors"))) and hearing.poll() is None:
        time.sleep(0.01)
    hearing.kill()
    assert hearing.wait() == -signal.SIGKILL
    assert len(done) < len(IDS)
    half = done[0].with_name(f".{done[0].name}.7.draft")
    half.write_bytes(b"half")
    os.utime(half, (1.0, 1.0))

    kept(tmp_path, encoder).complete(clips, IDS, lambda: ear, Progress())

    def bytes_of(root: Path) -> dict[str, bytes]:
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    assert bytes_of(tmp_path) == bytes_of(heard)


def test_a_clip_is_erased_whoever_heard_it(heard: Path, encoder: StoredModel, tmp_path: Path) -> None:
    root = tmp_path / "features"
    shutil.copytree(heard, root)
    shutil.copytree(next(root.iterdir()), root / ("e" * 64))
    half = file_of(root / ("e" * 64), IDS[0])
    half.rename(half.with_name(f".{half.name}.77.draft"))

    assert erase_features(root, IDS[0]) == 2

    assert not [path for path in root.rglob("*") if IDS[0] in path.name]
    assert len(list(root.rglob("*.safetensors"))) == 4
    with pytest.raises(ContractError, match=f"{IDS[0]}.safetensors: missing; run again"):
        kept(root, encoder).read(IDS[0])


def hear_live(clips: Artifact, wanted: list[str], ear: Encoder, _: KeptFeatures) -> None:
    LiveFeatures(clips, wanted, ear)


def hear_and_keep(clips: Artifact, wanted: list[str], ear: Encoder, features: KeptFeatures) -> None:
    features.complete(clips, wanted, lambda: ear, Progress())


@pytest.mark.parametrize("hear", [hear_live, hear_and_keep])
def test_a_clip_that_is_not_there_is_named(
    clips: Artifact, encoder: StoredModel, ear: Encoder, tmp_path: Path, hear: Callable[..., None]
) -> None:
    wanted = [IDS[0], "0" * 64]

    with pytest.raises(ContractError, match=f"{clips.folder}: no clip {'0' * 64}, which a sample is about"):
        hear(clips, wanted, ear, kept(tmp_path, encoder))
