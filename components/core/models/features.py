"""What training and evaluation hear of clips: features kept on disk, or computed each time they are asked for."""

import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from components.core.audio import samples_of
from components.core.contracts.artifacts import Artifact
from components.core.contracts.errors import ContractError, SourceError
from components.core.contracts.records import SAMPLE_RATE_HZ, Audio, Clip
from components.core.digests import digest_of_bytes
from components.core.file_digests import settled, state_of
from components.core.models.encoder import DTYPE, MAX_FRAMES, Encoder, frames_of
from components.core.models.feature_files import FeatureFiles, Hearing
from components.core.progress import Progress
from components.core.publishing import write_file

_MB = 10**6


class Features(Protocol):
    """Whatever gives the features of a clip."""

    def read(self, clip_id: str) -> Tensor:
        """Return the states [L, T, D] of a clip, in float16."""
        ...


@dataclass(frozen=True)
class Room:
    """What the features of some clips take on the disk."""

    clips: int
    bytes: int
    missing: int
    missing_bytes: int
    folder: Path

    def __str__(self) -> str:
        each = self.bytes / max(1, self.clips)
        rest = f"{self.missing} of them to hear, {self.missing_bytes / _MB:.1f} MB" if self.missing else "all there"
        return (
            f"features: {self.clips} clips, {self.bytes / _MB:.1f} MB ({each / _MB:.2f} MB a clip), {rest};"
            f" in {self.folder.parent}"
        )


class KeptFeatures:
    """Features on disk: computed once, mapped into memory, and verified when a process first reads them."""

    def __init__(self, root: Path, hearing: Hearing) -> None:
        self._files = FeatureFiles(root, hearing)
        self._hearing = hearing
        self._verified: dict[str, str] = {}

    def room(self, clips: Artifact, wanted: Collection[str], width: int) -> Room:
        """Return what the features of the wanted clips take, with states of that width.

        Raises:
            SourceError: the disk has less than what is missing of them.
        """
        sizes = {clip_id: self._bytes(seconds, width) for clip_id, seconds in _durations(clips, wanted).items()}
        missing = self._files.missing(sizes)
        more, folder = sum(sizes[clip_id] for clip_id in missing), self._files.folder
        folder.mkdir(parents=True, exist_ok=True)
        if (free := shutil.disk_usage(folder).free) < more:
            raise SourceError(
                f"{folder}: the features of {len(missing)} clips take {more / _MB:.1f} MB, and the disk has"
                f" {free / _MB:.1f} MB left; make room (train_model.keep_features=false trains without them)"
            )
        return Room(len(sizes), sum(sizes.values()), len(missing), more, folder)

    def _bytes(self, duration_s: float, width: int) -> int:
        frames = MAX_FRAMES if self._hearing.whole_window else frames_of(round(duration_s * SAMPLE_RATE_HZ))
        return len(self._hearing.layers) * frames * width * DTYPE.itemsize

    def complete(
        self, clips: Artifact, wanted: Collection[str], open_encoder: Callable[[], Encoder], progress: Progress
    ) -> None:
        """Compute what is missing of the wanted clips; each file appears whole, so that a killed process loses one.

        Raises:
            ContractError: there is no such clip, or its audio is damaged.
        """
        missing = self._files.missing(wanted)
        if not missing:
            return
        self._files.prepare()
        encoder = open_encoder()
        needed = islice((clip for clip in clips.read(Clip) if clip.clip_id in missing), len(missing))
        for clip in progress.track(needed, label="hear clips", unit="clips", total=len(missing)):
            states = encoder.features(samples_of(clip.audio))
            write_file(self._files.file_of(clip.clip_id), save({"states": states}, {"sha256": _digest(states)}))
        _check_all_there(clips, self._files.missing(missing))

    def read(self, clip_id: str) -> Tensor:
        """Return the states [L, T, D] of a clip, mapped from its file.

        Raises:
            ContractError: the file is missing, or was changed since it was written.
        """
        file = self._files.file_of(clip_id)
        try:
            found = file.stat()
            with safe_open(file, framework="pt") as opened:
                states: Tensor = opened.get_tensor("states")
                digest = (opened.metadata() or {})["sha256"]
        except FileNotFoundError as error:
            raise ContractError(f"{file}: missing; run again: what is missing is computed again") from error
        except (OSError, SafetensorError, KeyError) as error:
            raise ContractError(f"{file}: not readable as features: {error}; remove it and run again") from error
        # Every write moves the time of change, so that one look at each state of the file is enough.
        state = state_of(found)
        if self._verified.get(clip_id) != state:
            if _digest(states) != digest:
                raise ContractError(
                    f"{file}: content changed since it was written (want {digest}); remove it and run again"
                )
            if settled(found):
                self._verified[clip_id] = state
        return states


class LiveFeatures:
    """Features computed whenever they are asked for: nothing on disk, and the clips' audio in memory."""

    def __init__(self, clips: Artifact, wanted: Collection[str], encoder: Encoder) -> None:
        """Read the audio of the wanted clips; ContractError where one is not there."""
        self._audio: dict[str, Audio] = {c.clip_id: c.audio for c in clips.read(Clip) if c.clip_id in wanted}
        self._encoder = encoder
        _check_all_there(clips, set(wanted) - self._audio.keys())

    def read(self, clip_id: str) -> Tensor:
        """Return the states [L, T, D] of a clip, the same that would be kept."""
        return self._encoder.features(samples_of(self._audio[clip_id]))


def _durations(clips: Artifact, wanted: Collection[str]) -> dict[str, float]:
    rows = chain.from_iterable(table.to_pylist() for table in clips.columns(Clip, "clip_id", "duration_s"))
    return {row["clip_id"]: row["duration_s"] for row in rows if row["clip_id"] in wanted}


def _check_all_there(clips: Artifact, missing: Collection[str]) -> None:
    if missing:
        raise ContractError(
            f"{clips.folder}: no clip {min(missing)}, which a sample is about; pass the clips of these samples"
        )


def _digest(states: Tensor) -> str:
    """Digest type and shape too: a changed header can make other numbers of the same bytes."""
    return digest_of_bytes(
        f"{states.dtype} {list(states.shape)} ".encode() + states.view(torch.uint8).numpy().tobytes()
    )


def padded(states: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Stack states of different lengths into float32 features [B, L, T, D] and their frames [B]."""
    frames = torch.tensor([s.shape[1] for s in states])
    layers, _, width = states[0].shape
    features = torch.zeros(len(states), layers, int(frames.max()), width)
    for row, clip in zip(features, states, strict=True):
        row[:, : clip.shape[1]] = clip
    return features, frames
