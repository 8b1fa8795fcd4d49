"""Encoder features of clips, computed once and kept on disk: training and evaluation hear the same."""

from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from components.core.audio import samples_of
from components.core.contracts.errors import ContractError
from components.core.contracts.records import Clip
from components.core.digests import digest_of, digest_of_bytes
from components.core.models.encoder import Encoder
from components.core.progress import Progress
from components.core.publishing import write_file


class Features:
    """The features of clips under one encoder and one choice of layers, one file for each clip."""

    def __init__(self, root: Path, encoder_digest: str, layers: tuple[int, ...]) -> None:
        self._folder = root / digest_of({"encoder": encoder_digest, "layers": list(layers)})

    def has(self, clip_id: str) -> bool:
        """Tell whether the features of a clip are there."""
        return self._file(clip_id).is_file()

    def compute(self, clips: Iterable[Clip], total: int, encoder: Encoder, progress: Progress) -> None:
        """Compute and keep the features of clips; each file appears whole."""
        for clip in progress.track(clips, label="hear clips", unit="clips", total=total):
            states = encoder.features(samples_of(clip.audio))
            write_file(self._file(clip.clip_id), save({"states": states}, {"sha256": _digest(states)}))

    def read(self, clip_id: str) -> Tensor:
        """Return the states [L, T, D] of a clip.

        Raises:
            ContractError: the file is missing or was changed.
        """
        file = self._file(clip_id)
        try:
            with safe_open(file, framework="pt") as opened:
                states: Tensor = opened.get_tensor("states")
                digest = opened.metadata()["sha256"]
        except (OSError, SafetensorError, KeyError) as error:
            raise ContractError(f"{file}: not readable as features: {error}; remove it and run again") from error
        if _digest(states) != digest:
            raise ContractError(
                f"{file}: content changed since it was written (want {digest}); remove it and run again"
            )
        return states

    def _file(self, clip_id: str) -> Path:
        return self._folder / clip_id[:2] / f"{clip_id}.safetensors"


def _digest(states: Tensor) -> str:
    return digest_of_bytes(states.view(torch.uint8).numpy().tobytes())


def padded(states: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Stack states of different lengths into float32 features [B, L, T, D] and their frames [B]."""
    frames = torch.tensor([s.shape[1] for s in states])
    layers, _, width = states[0].shape
    features = torch.zeros(len(states), layers, int(frames.max()), width)
    for row, clip in zip(features, states, strict=True):
        row[:, : clip.shape[1]] = clip.float()
    return features, frames
