"""The work of extract_metadata: clips in, their descriptions in words out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from components.core.audio import samples_of
from components.core.contracts.artifacts import Artifact, Tally
from components.core.contracts.records import Clip, Description, Told
from components.core.execution import Outcome, Workplace
from components.core.models.store import StoredModel
from components.core.voice_detector import VoiceDetector
from components.extract_metadata.heard import HeardClip, parts_of
from components.extract_metadata.measurements import measure
from components.extract_metadata.seed_description import seed_description, segmented_description
from components.extract_metadata.segments import described_segments
from components.extract_metadata.settings import ExtractMetadataSettings
from components.extract_metadata.spoken_languages import SpokenLanguages
from components.extract_metadata.telling import told_of_clip, told_of_whole
from components.extract_metadata.transcripts import Transcript, Transcripts, together
from components.extract_metadata.whisper import Whisper

_BATCH = 32  # clips in memory at a time


def describe(clips: Artifact, encoder: StoredModel, settings: ExtractMetadataSettings, place: Workplace) -> Outcome:
    """Write one description for each clip, in the order of the clips; every clip gets one."""
    detector = VoiceDetector(settings.vad_threshold)
    whisper = Whisper(encoder, settings)
    languages, transcripts = SpokenLanguages(whisper, settings), Transcripts(whisper, settings)
    tally, told, shortened = Tally(), Counter[str](), 0

    def descriptions() -> Iterator[Description]:
        nonlocal shortened
        total = clips.manifest.counts.rows_out
        rows = place.progress.track(clips.read(Clip), label="describe", unit="clips", total=total)
        for batch in _batches(rows):
            heard = languages.told([_hear(clip, detector) for clip in batch])
            parts = [parts_of(each) for each in heard]
            written = iter(transcripts.of([part for each in parts for part in each]))
            for each, its_parts in zip(heard, parts, strict=True):
                description = _describe(each, its_parts, list(islice(written, len(its_parts))), detector, settings)
                tally.rows_in += 1
                tally.rows_out += 1
                told.update({name for lines in _lines(description) for name in lines.attributes})
                values = (value for lines in _lines(description) for value in lines.attributes.values())
                shortened += max(map(len, (description.transcript or "", *values))) > settings.longest_text
                yield description

    place.draft.write(descriptions(), Description)
    facts = {
        "languages": dict(sorted(languages.origins.items())),
        "transcripts": dict(sorted(transcripts.origins.items())),
        "attributes": dict(sorted(told.items())),
        "shortened": shortened,
    }
    return Outcome(counts=tally.counts(), facts=facts)


def _batches(clips: Iterable[Clip]) -> Iterator[list[Clip]]:
    rows = iter(clips)
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _hear(clip: Clip, detector: VoiceDetector) -> HeardClip:
    samples = samples_of(clip.audio)
    return HeardClip(clip, samples, detector.spans(samples))


def _describe(
    heard: HeardClip,
    parts: Sequence[HeardClip],
    transcripts: Sequence[Transcript | None],
    detector: VoiceDetector,
    settings: ExtractMetadataSettings,
) -> Description:
    clip, transcript = heard.clip, together(transcripts)
    text = transcript.text if transcript else None
    measurements = measure(heard.samples, heard.spans, clip.domain, text, detector)
    segments = described_segments(heard, parts, transcripts, measurements.tools) if len(parts) > 1 else ()
    said = {name for segment in segments for name in segment.attributes}
    told = told_of_whole(heard, measurements, said) if segments else told_of_clip(parts[0], measurements)
    attributes, longest = {name: each.value for name, each in told.items()}, settings.longest_text
    return Description(
        clip_id=clip.clip_id,
        domain=clip.domain,
        split=clip.split,
        language=clip.language,
        transcript=text,
        transcript_by=transcript.by if transcript else None,
        measurements=measurements,
        attributes=attributes,
        told_by={name: each.by for name, each in told.items()},
        segments=segments,
        seed_description=segmented_description(clip.duration_s, segments, attributes, longest)
        if segments
        else seed_description(clip.duration_s, text, attributes, longest),
    )


def _lines(description: Description) -> tuple[Told, ...]:
    return (*description.segments, description)
