"""The frozen audio encoder: Whisper's hidden states at the tapped layers, cut to the clip's own frames."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

from components.core.contracts.records import SAMPLE_RATE_HZ

FRAMES_PER_SECOND = 50
MAX_FRAMES = 1500


def frames_of(samples: int) -> int:
    """Return how many encoder frames a clip of so many samples fills (50 a second, 1 to 1500)."""
    return min(MAX_FRAMES, max(1, math.ceil(samples / SAMPLE_RATE_HZ * FRAMES_PER_SECOND)))


class Encoder:
    """Hears clips; the same samples give the same features, one clip at a time."""

    def __init__(self, folder: Path, layers: Sequence[int], device: str = "cpu") -> None:
        self._extract = WhisperFeatureExtractor.from_pretrained(folder)
        model = WhisperModel.from_pretrained(folder, dtype=torch.float32)
        self._encoder = model.encoder.eval().requires_grad_(False).to(device)
        self._layers = tuple(layers)
        self._device = device

    @torch.inference_mode()
    def features(self, samples: NDArray[np.float32]) -> Tensor:
        """Return post-layer, pre-final-norm states [L, T, D] in float16 of 16 kHz mono samples of at most 30 s."""
        mel = self._extract(samples, sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt").input_features
        tapped: dict[int, Tensor] = {}
        hooks = [self._tap(layer, tapped) for layer in self._layers]
        try:
            self._encoder(mel.to(self._device))
        finally:
            for hook in hooks:
                hook.remove()
        states = torch.cat([tapped[layer] for layer in self._layers])
        return states[:, : frames_of(len(samples))].to(device="cpu", dtype=torch.float16).contiguous()

    def _tap(self, layer: int, tapped: dict[int, Tensor]) -> RemovableHandle:
        def keep(_: nn.Module, __: object, output: Tensor | tuple[Tensor, ...]) -> None:
            tapped[layer] = output[0] if isinstance(output, tuple) else output

        hook: RemovableHandle = self._encoder.layers[layer].register_forward_hook(keep)
        return hook


def encoder_config(folder: Path) -> WhisperConfig:
    """Return the sizes of an encoder without loading its weights."""
    return WhisperConfig.from_pretrained(folder)
