"""The work of extract_metadata: clips in, their descriptions in words out."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

from components.core.contracts.artifacts import Artifact, Tally
from components.core.contracts.records import Clip, Description, Measurements, Told
from components.core.execution import Outcome, Workplace
from components.core.models.store import StoredModel
from components.core.models.whisper import Whisper
from components.core.parallel import cores, in_order, processes
from components.core.progress import report_pace
from components.core.voice_detector import seconds_of
from components.extract_metadata.heard import HeardClip, parts_of
from components.extract_metadata.listening import listen
from components.extract_metadata.measurements import speaking_rate_wpm
from components.extract_metadata.seed_description import seed_description, segmented_description
from components.extract_metadata.segments import described_segments
from components.extract_metadata.settings import ExtractMetadataSettings
from components.extract_metadata.spoken_languages import SpokenLanguages
from components.extract_metadata.telling import told_of_clip, told_of_whole
from components.extract_metadata.transcripts import Transcript, Transcripts, together

T = TypeVar("T")

_BATCH = 32  # clips in memory at a time
_CLIPS_WORTH_A_PROCESS = 100  # a process takes some two seconds to start


def describe(clips: Artifact, encoder: StoredModel, settings: ExtractMetadataSettings, place: Workplace) -> Outcome:
    """Write one description for each clip, in the order of the clips; every clip gets one."""
    whisper = Whisper(encoder, batch=settings.asr_batch, max_tokens=settings.max_asr_tokens)
    languages, transcripts = SpokenLanguages(whisper, settings), Transcripts(whisper, settings)
    tally, told, shortened, audio_s, started_s = Tally(), Counter[str](), 0, 0.0, time.monotonic()

    def descriptions() -> Iterator[Description]:
        nonlocal shortened, audio_s
        total = clips.manifest.counts.rows_out
        rows = place.progress.track(clips.read(Clip), label="describe", unit="clips", total=total)
        for batch in _batches(_heard(rows, total, settings.vad_threshold)):
            heard = languages.told([each for each, _ in batch])
            measured = [measurements for _, measurements in batch]
            parts = [parts_of(each) for each in heard]
            written = iter(transcripts.of([part for each in parts for part in each]))
            for each, figures, its_parts in zip(heard, measured, parts, strict=True):
                description = _describe(each, figures, its_parts, list(islice(written, len(its_parts))), settings)
                tally.rows_in += 1
                tally.rows_out += 1
                audio_s += each.clip.duration_s
                told.update({name for lines in _lines(description) for name in lines.attributes})
                values = (value for lines in _lines(description) for value in lines.attributes.values())
                shortened += max(map(len, (description.transcript or "", *values))) > settings.longest_text
                yield description

    place.draft.write(descriptions(), Description)
    report_pace("extract_metadata", audio_s, time.monotonic() - started_s)
    facts = {
        "languages": dict(sorted(languages.origins.items())),
        "transcripts": dict(sorted(transcripts.origins.items())),
        "attributes": dict(sorted(told.items())),
        "shortened": shortened,
    }
    return Outcome(counts=tally.counts(), facts=facts)


def _heard(clips: Iterable[Clip], total: int, vad_threshold: float) -> Iterator[tuple[HeardClip, Measurements]]:
    """Listen to clips on all cores; to a few in this process, which others would take longer to start than to help."""
    work, workers = partial(listen, vad_threshold=vad_threshold), min(cores(), total // _CLIPS_WORTH_A_PROCESS)
    if workers < 2:
        yield from map(work, clips)
        return
    with processes(workers) as pool:
        yield from in_order(work, clips, pool, workers)


def _batches(clips: Iterable[T]) -> Iterator[list[T]]:
    rows = iter(clips)
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _describe(
    heard: HeardClip,
    measured: Measurements,
    parts: Sequence[HeardClip],
    transcripts: Sequence[Transcript | None],
    settings: ExtractMetadataSettings,
) -> Description:
    clip, transcript = heard.clip, together(transcripts)
    text = transcript.text if transcript else None
    rate = speaking_rate_wpm(text, seconds_of(heard.spans))
    measurements = measured.model_copy(update={"speaking_rate_wpm": rate})
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
