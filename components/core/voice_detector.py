"""Where somebody speaks: Silero VAD from the weights in its package, computed with numpy.

The package's own ways to run the model need TorchScript (weights that bring code, a second and more of imports, a call
for each 32 ms) or ONNX Runtime. The network is small: four convolutions and one LSTM cell. A test holds this
computation to the package's own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from components.core.audio import Samples
from components.core.contracts.errors import SourceError
from components.core.contracts.records import SAMPLE_RATE_HZ

FRAME = 512
"""Samples of one decision: 32 ms."""

_PACKAGE = "silero-vad"
_WEIGHTS = "silero_vad/data/silero_vad_16k.safetensors"
_CONTEXT = 64  # samples of the frame before, which the network sees again
_WINDOW, _HOP, _EDGE = 256, 128, 64
_BINS = _WINDOW // 2 + 1
# The package's defaults: speech ends 0.15 below the threshold, after 100 ms of silence; speech of 250 ms and more is
# kept, with 30 ms on both sides.
_HYSTERESIS = 0.15
_MIN_SILENCE = SAMPLE_RATE_HZ // 10
_MIN_SPEECH = SAMPLE_RATE_HZ // 4
_PAD = 3 * SAMPLE_RATE_HZ // 100

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Span:
    """A stretch of samples, the end not included."""

    start: int
    end: int


class VoiceDetector:
    """Finds speech in 16 kHz mono samples; one clip at a time, without memory of the one before."""

    def __init__(self, threshold: float = 0.5) -> None:
        self._threshold = threshold
        self._weights, self.tool = _package()

    def spans(self, samples: Samples) -> list[Span]:
        """Return the stretches of speech in their order."""
        probabilities = self.probabilities(samples)
        found = [span for span in self._rough(probabilities, len(samples)) if span.end - span.start > _MIN_SPEECH]
        return [Span(max(0, span.start - _PAD), min(len(samples), span.end + _PAD)) for span in found]

    def _rough(self, probabilities: Array, length: int) -> Iterator[Span]:
        start = quiet = None
        for frame, probability in enumerate(probabilities):
            if probability >= self._threshold:
                start, quiet = frame if start is None else start, None
            elif start is not None and probability < self._threshold - _HYSTERESIS:
                quiet = frame if quiet is None else quiet
                if (frame - quiet) * FRAME >= _MIN_SILENCE:
                    yield Span(start * FRAME, quiet * FRAME)
                    start = quiet = None
        if start is not None:
            yield Span(start * FRAME, length)

    def probabilities(self, samples: Samples) -> Array:
        """Return the probability of speech in each frame of 32 ms; the last frame is filled up with silence."""
        frames = -(-len(samples) // FRAME)
        padded = np.zeros(_CONTEXT + frames * FRAME, np.float32)
        padded[_CONTEXT : _CONTEXT + len(samples)] = samples
        seen = np.lib.stride_tricks.sliding_window_view(padded, _CONTEXT + FRAME)[::FRAME]
        hidden = self._lstm(self._encode(seen))
        logits = np.maximum(hidden, 0) @ self._weights["final_conv.weight"][0, :, 0] + self._weights["final_conv.bias"]
        return _sigmoid(logits)

    def _encode(self, seen: Array) -> Array:
        """Turn frames [T, 576] into features [T, 128]: magnitudes of a short Fourier transform, four convolutions."""
        edged = np.pad(seen, ((0, 0), (0, _EDGE)), mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(edged, _WINDOW, axis=1)[:, ::_HOP]
        spectrum = windows @ self._weights["stft_conv.weight"][:, 0].T
        features = np.hypot(spectrum[..., :_BINS], spectrum[..., _BINS:])
        for name, stride in (("conv1", 1), ("conv2", 2), ("conv3", 2), ("conv4", 1)):
            features = self._convolve(features, name, stride)
        first: Array = features[:, 0]
        return first

    def _convolve(self, features: Array, name: str, stride: int) -> Array:
        """Convolve [T, steps, channels] over three steps and rectify."""
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        padded = np.pad(features, ((0, 0), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=1)[:, ::stride]
        flat = windows.reshape(*windows.shape[:2], -1)
        rectified: Array = np.maximum(flat @ weight.reshape(len(weight), -1).T + bias, 0)
        return rectified

    def _lstm(self, features: Array) -> Array:
        """Run the cell over [T, 128] and return its outputs [T, 128]."""
        bias = self._weights["lstm_cell.bias_ih"] + self._weights["lstm_cell.bias_hh"]
        inputs = features @ self._weights["lstm_cell.weight_ih"].T + bias
        recurrent = np.ascontiguousarray(self._weights["lstm_cell.weight_hh"].T)
        hidden = cell = np.zeros(recurrent.shape[0], np.float32)
        outputs = np.empty_like(features)
        for frame, given in enumerate(inputs):
            enter, forget, candidate, leave = np.split(given + hidden @ recurrent, 4)
            cell = _sigmoid(forget) * cell + _sigmoid(enter) * np.tanh(candidate)
            outputs[frame] = hidden = _sigmoid(leave) * np.tanh(cell)
        return outputs


def _sigmoid(values: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)), np.float32)


def _package() -> tuple[dict[str, Array], str]:
    try:
        found = distribution(_PACKAGE)
        return load_file(Path(str(found.locate_file(_WEIGHTS)))), f"{_PACKAGE} {found.version}"
    except (PackageNotFoundError, FileNotFoundError) as error:
        raise SourceError(f"{_PACKAGE}: {_WEIGHTS} is not installed; install infra/requirements again") from error


def seconds_of(spans: Iterable[Span]) -> float:
    """Return how long spans are together."""
    return sum(span.end - span.start for span in spans) / SAMPLE_RATE_HZ


def gaps(spans: list[Span], length: int) -> list[Span]:
    """Return what lies between and around spans in `length` samples."""
    edges = [Span(0, 0), *spans, Span(length, length)]
    return [Span(before.end, after.start) for before, after in pairwise(edges) if after.start > before.end]
