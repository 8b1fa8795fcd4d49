"""Measuring samples with what they are part of: their clips, their companions, and the backbone's tokenizer."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from transformers import PreTrainedTokenizerBase

from components.core.contracts.artifacts import Artifact
from components.core.contracts.records import AUDIO_LOCATOR, AUDIO_SPAN, Sample
from components.core.models.splice import Splicer
from components.validate_data.contradictions import contradiction
from components.validate_data.known_clips import KnownClips, Uses
from components.validate_data.languages import foreign_letters, function_words
from components.validate_data.measures import (
    Measures,
    audio_places,
    compression,
    copied_attributes,
    repeated_share,
    same_words,
    time_stamp_excess_s,
    visible_characters,
)
from components.validate_data.phrases import LEAKS, REFUSALS, telling_phrase
from components.validate_data.settings import ValidateDataSettings


class Measurer:
    """Turns a sample into one row: its measures beside the thresholds that the policy has for it."""

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, clips: KnownClips, samples: Artifact, settings: ValidateDataSettings
    ) -> None:
        self._splicer = Splicer(tokenizer, settings.max_transcript_tokens)
        self._specials = special_tokens(tokenizer)
        self._clips = clips
        self._ids = Uses(sample_id for (sample_id,) in _texts(samples, "sample_id"))
        self._answers = Uses(_answer(*texts) for texts in _texts(samples, "clip_id", "response"))
        self._queries = settings.audio_queries
        self._limits = cache(settings.policy.rules.limits)

    def row(self, sample: Sample) -> dict[str, Any]:
        """Measure a sample; each sample once, since its id and its answer are counted."""
        clip = self._clips.get(sample.clip_id)
        return vars(self._measures(sample)) | self._limits(sample.domain, clip.corpus if clip else None)

    def _measures(self, sample: Sample) -> Measures:
        clip = self._clips.get(sample.clip_id)
        heard = f"{sample.prompt}\n{sample.transcript or ''}"
        special = self._specials.search(f"{sample.response}\n{heard}")
        places = audio_places(sample.messages)
        exposure = clip.exposure if clip and clip.exposure and clip.exposure.contaminates(sample.split) else None
        return Measures(
            clip_id=sample.clip_id,
            domain=sample.domain.value,
            clip_domain=clip.domain if clip else None,
            split=sample.split.value,
            clip_split=clip.split if clip else None,
            contamination=str(exposure) if exposure else None,
            time_stamp_excess_s=time_stamp_excess_s(sample.seed_description, clip.duration_s) if clip else None,
            audio_places=places,
            earlier_uses=self._ids.before(sample.sample_id),
            same_answers=self._answers.before(_answer(sample.clip_id, sample.response)),
            visible_characters=visible_characters(sample.response),
            special_token=special[0] if special else None,
            repeated_share=repeated_share(sample.response),
            compression=compression(sample.response),
            finish_reason=sample.finish_reason,
            foreign_letters=foreign_letters(sample.response, heard),
            function_words=function_words(sample.response, sample.prompt, sample.transcript),
            contradiction=contradiction(sample.response, sample.seed_description, heard),
            copied_attributes=copied_attributes(sample.response, sample.seed_description),
            leaked_phrase=telling_phrase(LEAKS, sample.response, heard),
            refusal_phrase=telling_phrase(REFUSALS, sample.response, heard),
            window_tokens=self._window_tokens(sample) if places == 1 else 0,
        )

    def _window_tokens(self, sample: Sample) -> int:
        return self._splicer.splice(sample.messages, [sample.transcript], sample.response).length(self._queries)


def _texts(samples: Artifact, *names: str) -> Iterator[tuple[str, ...]]:
    for table in samples.columns(Sample, *names):
        yield from zip(*(table[name].to_pylist() for name in names), strict=True)


def _answer(clip_id: str, response: str) -> str:
    return f"{clip_id} {same_words(response)}"


def special_tokens(tokenizer: PreTrainedTokenizerBase) -> re.Pattern[str]:
    """Return what finds the tokens that steer a model instead of saying something, the audio locator and its marks."""
    added = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    marks = set(AUDIO_SPAN.split(AUDIO_LOCATOR))
    longest_first = sorted({*added, *marks, AUDIO_LOCATOR}, key=lambda token: (-len(token), token))
    return re.compile("|".join(map(re.escape, longest_first)))
