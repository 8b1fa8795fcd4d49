"""What the stage knows of a clip before it writes: its samples, where somebody speaks, and who told its language."""

from dataclasses import dataclass, replace

from components.core.audio import Samples
from components.core.contracts.records import SAMPLE_RATE_HZ, Clip, Segment
from components.core.voice_detector import Span

BY_CORPUS = "corpus"


@dataclass(frozen=True)
class HeardClip:
    """A clip, its samples (16 kHz mono), where in them somebody speaks, and who says what language it is."""

    clip: Clip
    samples: Samples
    spans: list[Span]
    language_by: str = BY_CORPUS


def parts_of(heard: HeardClip) -> list[HeardClip]:
    """Return the segments of a clip as clips of their own; one that cannot be told in parts is its only part.

    Parts are told where there are two or more, unless the words of the clip are known as a whole only.
    """
    clip, segments = heard.clip, heard.clip.segments
    if len(segments) == 1:
        transcript = clip.transcript or segments[0].transcript
        attributes = {**clip.attributes, **segments[0].attributes}
        return [replace(heard, clip=clip.model_copy(update={"transcript": transcript, "attributes": attributes}))]
    if not segments or (clip.transcript and not any(segment.transcript for segment in segments)):
        return [heard]
    return [_part(heard, segment) for segment in segments]


def _part(heard: HeardClip, segment: Segment) -> HeardClip:
    whole = len(heard.samples)
    start, end = (min(whole, round(second * SAMPLE_RATE_HZ)) for second in (segment.start_s, segment.end_s))
    inside = (Span(max(span.start, start) - start, min(span.end, end) - start) for span in heard.spans)
    said = {"transcript": segment.transcript, "attributes": segment.attributes}
    return replace(
        heard,
        clip=heard.clip.model_copy(update=said),
        samples=heard.samples[start:end],
        spans=[span for span in inside if span.end > span.start],
    )
