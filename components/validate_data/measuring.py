"""Measuring samples with what they are part of: their clips, their companions, and the backbone's tokenizer."""

import re

from transformers import PreTrainedTokenizerBase

from components.core.contracts.records import AUDIO_LOCATOR, AUDIO_SPAN, Sample
from components.core.models.splice import Splicer
from components.validate_data.known_clips import KnownClips, Uses
from components.validate_data.measures import (
    Measures,
    audio_places,
    compression,
    copied_attributes,
    repeated_share,
    visible_characters,
)
from components.validate_data.phrases import LEAKS, REFUSALS, telling_phrase
from components.validate_data.settings import ValidateDataSettings


class Measurer:
    """Turns a sample into one row of measures."""

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, clips: KnownClips, uses: Uses, settings: ValidateDataSettings
    ) -> None:
        self._splicer = Splicer(tokenizer, settings.max_transcript_tokens)
        self._specials = special_tokens(tokenizer)
        self._clips = clips
        self._uses = uses
        self._queries = settings.audio_queries

    def measure(self, sample: Sample) -> Measures:
        """Measure a sample; each sample once, since its id is counted."""
        domain, split = self._clips.get(sample.clip_id, (None, None))
        heard = f"{sample.prompt}\n{sample.transcript or ''}"
        special = self._specials.search(f"{sample.response}\n{heard}")
        places = audio_places(sample.messages)
        return Measures(
            clip_id=sample.clip_id,
            domain=sample.domain.value,
            clip_domain=domain,
            split=sample.split.value,
            clip_split=split,
            audio_places=places,
            earlier_uses=self._uses.before(sample.sample_id),
            visible_characters=visible_characters(sample.response),
            special_token=special[0] if special else None,
            repeated_share=repeated_share(sample.response),
            compression=compression(sample.response),
            finish_reason=sample.finish_reason,
            copied_attributes=copied_attributes(sample.response, sample.seed_description),
            leaked_phrase=telling_phrase(LEAKS, sample.response, heard),
            refusal_phrase=telling_phrase(REFUSALS, sample.response, heard),
            window_tokens=self._window_tokens(sample) if places == 1 else 0,
        )

    def _window_tokens(self, sample: Sample) -> int:
        return self._splicer.splice(sample.messages, sample.transcript, sample.response).length(self._queries)


def special_tokens(tokenizer: PreTrainedTokenizerBase) -> re.Pattern[str]:
    """Return what finds the tokens that steer a model instead of saying something, the audio locator and its marks."""
    added = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    marks = set(AUDIO_SPAN.split(AUDIO_LOCATOR))
    longest_first = sorted({*added, *marks, AUDIO_LOCATOR}, key=lambda token: (-len(token), token))
    return re.compile("|".join(map(re.escape, longest_first)))
