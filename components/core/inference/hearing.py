"""From recordings to what the LLM is given of them: clips of at most 30 s, each with its words and its vectors.

The policy for longer recordings: they are cut in the longest pause between a third of 30 s and 30 s, where nobody is
heard to speak the quietest place serves, and every clip keeps its place in the conversation. The words that a caller
gives for the whole are shared out over its clips, as much to each as is spoken in it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor

from components.core.audio import FULL_SCALE, AudioError, Pcm, Samples, decode, of_array, pcm_digest, quantise, resample
from components.core.cleaning import clean
from components.core.contracts.errors import SourceError
from components.core.contracts.records import SAMPLE_RATE_HZ
from components.core.cutting import LONGEST_S, Stretch, detector, ends, heard_pauses
from components.core.inference.conversation import Recording
from components.core.models.adapter import Adapter
from components.core.models.encoder import encoder_for
from components.core.models.features import padded
from components.core.models.store import StoredModel
from components.core.models.whisper import Whisper
from components.core.voice_detector import seconds_of

V = TypeVar("V")

By = Literal["caller", "whisper", "nobody"]
"""Whose words a transcript is; `nobody` where none were given and nobody is heard to speak."""

_REMEMBERED = 256  # clips whose words and vectors are kept: a conversation repeats its recordings at every turn
_ASR_BATCH, _ASR_TOKENS = 8, 128


@dataclass(frozen=True)
class HeardClip:
    """What the LLM reads of a clip of at most 30 s, in seconds of its recording; `transcript` may be empty."""

    recording: int
    start_s: float
    end_s: float
    transcript: str
    transcript_by: By


@dataclass(frozen=True)
class Clip:
    """A clip as training would have it: 16 kHz, 16 bit, named by its samples."""

    clip_id: str
    samples: Samples

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return len(self.samples) / SAMPLE_RATE_HZ


def clips_of(recording: Recording, longest_s: float, before_s: float = 0.0) -> list[Clip]:
    """Decode a recording of any rate, format and number of channels, and cut it where it is longer than 30 s.

    Raises:
        SourceError: it cannot be heard, has no samples, or is longer than what the recordings before it, which have
            `before_s`, leave of `longest_s`; names the recording.
    """
    try:
        pcm = _pcm(recording, longest_s, before_s)
    except AudioError as error:
        name = f" ({recording.audio})" if not isinstance(recording.audio, bytes | np.ndarray) else ""
        raise SourceError(f"{recording.where}{name}: {error}") from error
    places = [0, *_ends(pcm)]
    return [_clip(pcm[start:end]) for start, end in pairwise(places)]


def _pcm(recording: Recording, longest_s: float, before_s: float) -> Pcm:
    left_s = max(0.0, longest_s - before_s)
    if isinstance(recording.audio, np.ndarray):
        samples, rate_hz = of_array(recording.audio, recording.rate_hz or 0), recording.rate_hz or 0
    else:
        samples, rate_hz = decode(recording.audio, at_most_s=left_s)
    if not len(samples):
        raise AudioError("has no samples")
    if len(samples) > round(left_s * rate_hz):
        left = f", what those before it leave of {longest_s:g} s" if before_s else ""
        raise AudioError(f"is longer than {left_s:g} s{left}, the most that is heard here")
    return quantise(resample(samples, rate_hz))


def _ends(pcm: Pcm) -> Iterator[int]:
    done = 0

    def read(wanted: int) -> Samples:
        nonlocal done
        block = _samples(pcm[done : done + wanted])
        done += len(block)
        return block

    def pauses(window: Samples, _: int) -> Iterator[list[Stretch]]:
        yield heard_pauses(window, SAMPLE_RATE_HZ)

    return ends(read, SAMPLE_RATE_HZ, LONGEST_S, pauses)


def _samples(pcm: Pcm) -> Samples:
    return pcm.astype(np.float32) / np.float32(FULL_SCALE)


def _clip(pcm: Pcm) -> Clip:
    return Clip(pcm_digest(pcm), _samples(pcm))


class Ears:
    """The frozen encoder with the trained adapter, and the encoder's own Whisper; what was heard is remembered."""

    def __init__(self, encoder: StoredModel, adapter: Adapter, device: str) -> None:
        self._adapter, self._device = adapter, device
        self._encoder = encoder_for(adapter.config, encoder.folder, device)
        self._whisper = Whisper(encoder, batch=_ASR_BATCH, max_tokens=_ASR_TOKENS)
        self._vectors: _Recent[Tensor] = _Recent(_REMEMBERED)
        self._words: _Recent[str] = _Recent(_REMEMBERED)

    def vectors(self, clips: Sequence[Clip]) -> Tensor:
        """Return the vectors [C, Q, H] of clips; those of a clip do not depend on the others."""
        width = self._adapter.config
        heard = [self._hear(clip) for clip in clips]
        return torch.stack(heard) if heard else torch.zeros(0, width.queries, width.llm_width, device=self._device)

    def words(self, clips: Sequence[Clip]) -> list[str]:
        """Return what is said in clips, as Whisper writes it; nothing where nobody is heard to speak."""
        found = {clip.clip_id: self._words.find(clip.clip_id) for clip in clips}
        asked = {clip.clip_id: clip for clip in clips if found[clip.clip_id] is None}
        texts = words_in([clip.samples for clip in asked.values()], self._whisper)
        for clip_id, text in zip(asked, texts, strict=True):
            found[clip_id] = self._words.keep(clip_id, text)
        return [found[clip.clip_id] or "" for clip in clips]

    @torch.inference_mode()
    def _hear(self, clip: Clip) -> Tensor:
        known = self._vectors.find(clip.clip_id)
        if known is not None:
            return known
        features, frames = padded([self._encoder.features(clip.samples)])
        return self._vectors.keep(clip.clip_id, self._adapter(features.to(self._device), frames.to(self._device))[0])


def words_in(clips: Sequence[Samples], whisper: Whisper) -> list[str]:
    """Return what is said in clips of at most 30 s, as Whisper writes it; nothing where nobody is heard to speak."""
    spoken = [number for number, samples in enumerate(clips) if detector().spans(samples)]
    texts = whisper.transcriber.transcribe([clips[number] for number in spoken], None) if spoken else []
    written = dict(zip(spoken, map(clean, texts), strict=True))
    return [written.get(number, "") for number in range(len(clips))]


def shared_out(text: str, clips: Sequence[Clip]) -> list[str]:
    """Share the words of a recording out over its clips: as much to each as is spoken in it, or else as it is long."""
    if len(clips) == 1:
        return [clean(text)]
    spoken = [seconds_of(detector().spans(clip.samples)) for clip in clips]
    weights = spoken if sum(spoken) else [float(len(clip.samples)) for clip in clips]
    words = clean(text).split()
    places = [0, *(round(share * len(words)) for share in np.cumsum(weights) / sum(weights))]
    return [" ".join(words[start:end]) for start, end in pairwise(places)]


class _Recent(Generic[V]):
    """Remembers what was made last."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: dict[str, V] = {}

    def find(self, key: str) -> V | None:
        """Return what is kept, if it is."""
        if key in self._kept:
            self._kept[key] = self._kept.pop(key)
        return self._kept.get(key)

    def keep(self, key: str, value: V) -> V:
        """Keep a value; what was used longest ago goes."""
        self._kept[key] = value
        if len(self._kept) > self._size:
            del self._kept[next(iter(self._kept))]
        return value
