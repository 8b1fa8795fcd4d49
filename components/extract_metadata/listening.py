"""Hearing a clip: where somebody speaks and how it sounds. It needs nothing but the clip: any process can do it."""

from functools import cache

from components.core.audio import samples_of
from components.core.contracts.records import Clip, Measurements
from components.core.voice_detector import VoiceDetector
from components.extract_metadata.heard import HeardClip
from components.extract_metadata.measurements import measure


def listen(clip: Clip, vad_threshold: float) -> tuple[HeardClip, Measurements]:
    """Return what is heard of a clip, and its measurements but for the speaking rate, which needs words."""
    detector = _detector(vad_threshold)
    samples = samples_of(clip.audio)
    spans = detector.spans(samples)
    return HeardClip(clip, samples, spans), measure(samples, spans, clip.domain, detector)


@cache
def _detector(threshold: float) -> VoiceDetector:
    return VoiceDetector(threshold)
