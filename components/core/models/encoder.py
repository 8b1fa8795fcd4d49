"""The frozen audio encoder: Whisper's hidden states at the tapped layers.

The digest of this file is part of what features on disk are known by: what decides their numbers stands here.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

from components.core.contracts.records import SAMPLE_RATE_HZ
from components.core.digests import digest_of_file
from components.core.models.adapter import AdapterConfig
from components.core.models.feature_files import Hearing

FRAMES_PER_SECOND = 50
MAX_FRAMES = 1500
DTYPE = torch.float16


def frames_of(samples: int) -> int:
    """Return how many encoder frames a clip of so many samples fills (50 a second, 1 to 1500)."""
    return min(MAX_FRAMES, max(1, math.ceil(samples / SAMPLE_RATE_HZ * FRAMES_PER_SECOND)))


class Encoder:
    """Hears clips; the same samples give the same features, one clip at a time."""

    def __init__(self, folder: Path, layers: Sequence[int], device: str = "cpu", *, whole_window: bool = False) -> None:
        """Load the encoder; with `whole_window` the frames behind the end of a clip are kept, as upstream does."""
        self._extract = WhisperFeatureExtractor.from_pretrained(folder)
        model = WhisperModel.from_pretrained(folder, dtype=torch.float32)
        self._encoder = model.encoder.eval().requires_grad_(False).to(device)
        self._layers = tuple(layers)
        self._device = device
        self._whole_window = whole_window

    def features(self, samples: NDArray[np.float32]) -> Tensor:
        """Return post-layer, pre-final-norm states [L, T, D] in float16 of 16 kHz mono samples of at most 30 s."""
        (states,) = self.states([samples])
        kept: Tensor = states if self._whole_window else states[:, : frames_of(len(samples))]
        return kept.to(device="cpu", dtype=DTYPE).contiguous()

    @torch.inference_mode()
    def states(self, clips: Sequence[NDArray[np.float32]]) -> Tensor:
        """Return the states [B, L, 1500, D] of clips that are heard side by side, in float32 on the device.

        What is heard beside a clip may change its last bits.
        """
        mel = self._extract(list(clips), sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt").input_features
        tapped: dict[int, Tensor] = {}
        hooks = [self._tap(layer, tapped) for layer in self._layers]
        try:
            self._encoder(mel.to(self._device))
        finally:
            for hook in hooks:
                hook.remove()
        return torch.stack([tapped[layer] for layer in self._layers], dim=1)

    def _tap(self, layer: int, tapped: dict[int, Tensor]) -> RemovableHandle:
        def keep(_: nn.Module, __: object, output: Tensor | tuple[Tensor, ...]) -> None:
            tapped[layer] = output[0] if isinstance(output, tuple) else output

        hook: RemovableHandle = self._encoder.layers[layer].register_forward_hook(keep)
        return hook


def encoder_for(adapter: AdapterConfig, folder: Path, device: str) -> Encoder:
    """Load the encoder as an adapter is to hear it: one that attends to all frames needs those behind the end too."""
    return Encoder(folder, adapter.tapped_layers, device, whole_window=not adapter.mask_frames)


def hearing_for(adapter: AdapterConfig, encoder_digest: str, device: str) -> Hearing:
    """Return what decides the features that `encoder_for` makes on this machine."""
    return Hearing(
        encoder=encoder_digest,
        layers=adapter.tapped_layers,
        whole_window=not adapter.mask_frames,
        dtype=str(DTYPE).removeprefix("torch."),
        device=device,
        versions={"torch": str(torch.__version__), "transformers": transformers.__version__},
        code=digest_of_file(Path(__file__)),
    )


def encoder_config(folder: Path) -> WhisperConfig:
    """Return the sizes of an encoder without loading its weights."""
    return WhisperConfig.from_pretrained(folder)
