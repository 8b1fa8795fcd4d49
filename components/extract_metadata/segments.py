"""Clips of which the corpus tells parts: who speaks in each of them, what they say, and how it sounds."""

from collections.abc import Mapping, Sequence

from components.core.contracts.records import SAMPLE_RATE_HZ, DescribedSegment, Domain, Segment
from components.core.voice_detector import seconds_of
from components.extract_metadata.heard import HeardClip
from components.extract_metadata.measurements import speaking_rate_wpm
from components.extract_metadata.pitch import pitch_hz
from components.extract_metadata.telling import told_of_part
from components.extract_metadata.transcripts import Transcript
from components.extract_metadata.words import pitch_word, rate_word

MIN_MEASURED_S = 1.0
"""A shorter part is not measured: a word or two have neither a pitch of their own nor a rate."""


def described_segments(
    whole: HeardClip,
    parts: Sequence[HeardClip],
    transcripts: Sequence[Transcript | None],
    tools: Mapping[str, str],
) -> tuple[DescribedSegment, ...]:
    """Describe the segments of a clip, each with what was measured on it alone (`tools` names what measures)."""
    segments = whole.clip.segments
    names = speaker_names(segments)
    described = []
    for segment, part, transcript in zip(segments, parts, transcripts, strict=True):
        pitch, rate = _measured(part, transcript)
        words = {"pitch": pitch_word(pitch, part.clip.domain), "speaking_rate": rate_word(rate)}
        heard = {name: word for name, word in words.items() if word}
        told = told_of_part(part.clip, whole.clip, names.get(segment.speaker_id or ""), heard, tools)
        described.append(
            DescribedSegment(
                start_s=segment.start_s,
                end_s=segment.end_s,
                transcript=transcript.text if transcript else None,
                transcript_by=transcript.by if transcript else None,
                pitch_hz=pitch,
                speaking_rate_wpm=rate,
                attributes={name: each.value for name, each in told.items()},
                told_by={name: each.by for name, each in told.items()},
            )
        )
    return tuple(described)


def speaker_names(segments: Sequence[Segment]) -> dict[str, str]:
    """Return what to call the speakers, by their ids: A, B, … in the order in which they are heard.

    An id is never told. One speaker alone needs no name; after Z come AA, BB, ….
    """
    ids = list(dict.fromkeys(segment.speaker_id for segment in segments if segment.speaker_id))
    if len(ids) < 2:
        return {}
    return {speaker: chr(ord("A") + number % 26) * (1 + number // 26) for number, speaker in enumerate(ids)}


def _measured(part: HeardClip, transcript: Transcript | None) -> tuple[float | None, float | None]:
    """Return the pitch of a part in Hz, and words a minute."""
    if len(part.samples) < MIN_MEASURED_S * SAMPLE_RATE_HZ:
        return None, None
    text = transcript.text if transcript else None
    rate = speaking_rate_wpm(text, seconds_of(part.spans)) if part.clip.domain is Domain.SPEECH else None
    return pitch_hz(part.samples, part.spans, part.clip.domain), rate
