"""What is heard of recordings, in whatever form they come."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from components.core.audio import pcm_digest, quantise
from components.core.contracts.records import SAMPLE_RATE_HZ
from components.core.inference.conversation import Recording
from components.core.inference.hearing import Clip, Ears, clips_of, shared_out
from components.core.models.adapter import untrained_adapter
from components.core.models.encoder import encoder_for
from components.core.models.features import padded
from components.core.models.store import StoredModel
from tests.builders import flac, make_tone
from tests.components.extract_metadata.making import spoken
from tests.core.inference.making import ADAPTER

TONE = make_tone()


def heard(audio: Any, rate_hz: int | None = None, longest_s: float = 600.0) -> list[Clip]:
    return clips_of(Recording("here", audio, rate_hz, None), longest_s)


def test_the_same_samples_are_the_same_clip_in_every_form(tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(flac(TONE))
    pcm = quantise(TONE)
    forms = [
        heard(tmp_path / "a.flac"),
        heard(flac(TONE)),
        heard(TONE.astype(np.float64), SAMPLE_RATE_HZ),
        heard(pcm, SAMPLE_RATE_HZ),
        heard(pcm.astype(np.int32) << 16, SAMPLE_RATE_HZ),
        heard(np.stack([TONE, TONE]), SAMPLE_RATE_HZ),
        heard(np.stack([TONE, TONE], axis=1), SAMPLE_RATE_HZ),
    ]
    assert {clip.clip_id for (clip,) in forms} == {pcm_digest(pcm)}
    (coarse,) = heard((TONE * 127 + 128).astype(np.uint8), SAMPLE_RATE_HZ)
    assert np.abs(coarse.samples - TONE).max() < 0.02


@pytest.mark.parametrize("rate_hz", [8_000, 44_100])
def test_any_rate_is_heard_at_16_khz(rate_hz: int) -> None:
    (clip,) = heard(np.zeros(rate_hz, np.float32), rate_hz)
    assert clip.duration_s == pytest.approx(1.0)


def test_a_long_recording_is_cut_in_its_pauses_without_a_gap() -> None:
    sentence, _ = spoken()
    talk = np.concatenate([sentence, np.zeros(SAMPLE_RATE_HZ, np.float32)] * 9)[: 45 * SAMPLE_RATE_HZ]
    clips = heard(talk, SAMPLE_RATE_HZ)
    assert len(clips) > 1
    assert all(clip.duration_s <= 30 for clip in clips)
    assert np.array_equal(quantise(np.concatenate([clip.samples for clip in clips])), quantise(talk))
    for before, after in pairwise(clips):
        assert np.abs(np.concatenate([before.samples[-1600:], after.samples[:1600]])).max() < 0.01


def test_words_go_where_they_are_spoken() -> None:
    sentence, _ = spoken()
    quiet = np.zeros(10 * SAMPLE_RATE_HZ, np.float32)
    clips = [Clip(str(number), samples) for number, samples in enumerate([quiet, sentence, sentence])]
    assert shared_out("one two three four", clips) == ["", "one two", "three four"]
    assert shared_out("one two", [Clip("a", quiet), Clip("b", quiet)]) == ["one", "two"]
    assert shared_out("", clips) == ["", "", ""]


@pytest.mark.parametrize("mask_frames", [True, False])
def test_a_clip_is_heard_as_in_training_and_the_second_time_remembered(encoder: StoredModel, mask_frames: bool) -> None:
    adapter = untrained_adapter(ADAPTER.model_copy(update={"mask_frames": mask_frames})).eval()
    clips = [*heard(TONE, SAMPLE_RATE_HZ), *heard(make_tone(hertz=900.0, duration_s=0.5), SAMPLE_RATE_HZ)]
    trained = encoder_for(adapter.config, encoder.folder, "cpu")
    ears = Ears(encoder, adapter, "cpu")
    vectors = ears.vectors(clips)
    for clip, of_clip in zip(clips, vectors, strict=True):
        with torch.inference_mode():
            assert torch.equal(of_clip, adapter(*padded([trained.features(clip.samples)]))[0])
    assert torch.equal(ears.vectors(clips[::-1]), vectors.flip(0))
    assert ears.vectors([]).shape == (0, 4, 576)
