"""The work of extract_metadata: clips in, their descriptions in words out."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from components.core.audio import samples_of
from components.core.contracts.artifacts import Artifact, Tally
from components.core.contracts.records import Clip, Description
from components.core.execution import Outcome, Workplace
from components.core.models.store import StoredModel
from components.core.voice_detector import VoiceDetector
from components.extract_metadata.measurements import measure
from components.extract_metadata.seed_description import seed_description, told_attributes
from components.extract_metadata.settings import ExtractMetadataSettings
from components.extract_metadata.transcripts import HeardClip, Transcript, Transcripts

_BATCH = 32  # clips in memory at a time


def describe(clips: Artifact, encoder: StoredModel, settings: ExtractMetadataSettings, place: Workplace) -> Outcome:
    """Write one description for each clip, in the order of the clips; every clip gets one."""
    detector = VoiceDetector(settings.vad_threshold)
    transcripts = Transcripts(encoder, settings)
    tally, told, shortened = Tally(), Counter[str](), 0

    def descriptions() -> Iterator[Description]:
        nonlocal shortened
        total = clips.manifest.counts.rows_out
        rows = place.progress.track(clips.read(Clip), label="describe", unit="clips", total=total)
        for batch in _batches(rows):
            heard = [_hear(clip, detector) for clip in batch]
            for each, transcript in zip(heard, transcripts.of(heard), strict=True):
                description = _describe(each, transcript, detector, settings)
                tally.rows_in += 1
                tally.rows_out += 1
                told.update(description.attributes.keys())
                texts = (description.transcript or "", *description.attributes.values())
                shortened += max(map(len, texts)) > settings.longest_text
                yield description

    place.draft.write(descriptions(), Description)
    facts = {
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
    heard: HeardClip, transcript: Transcript | None, detector: VoiceDetector, settings: ExtractMetadataSettings
) -> Description:
    clip, text = heard.clip, transcript.text if transcript else None
    measurements = measure(heard.samples, heard.spans, clip.domain, text, detector)
    attributes = told_attributes(clip, measurements)
    return Description(
        clip_id=clip.clip_id,
        domain=clip.domain,
        split=clip.split,
        language=clip.language,
        transcript=text,
        transcript_by=transcript.by if transcript else None,
        measurements=measurements,
        attributes=attributes,
        seed_description=seed_description(clip.duration_s, text, attributes, settings.longest_text),
    )
