"""Which language is spoken: the corpus's word, else that of a Whisper that knows several, else nobody's."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from components.core.contracts.records import Domain
from components.core.models.whisper import Whisper
from components.extract_metadata.heard import BY_CORPUS, HeardClip
from components.extract_metadata.settings import ExtractMetadataSettings


class SpokenLanguages:
    """Finds the languages of clips of speech, and counts who told them or why nobody could."""

    def __init__(self, whisper: Whisper, settings: ExtractMetadataSettings) -> None:
        self._whisper, self._settings = whisper, settings
        self.origins: Counter[str] = Counter()
        """Clips of speech by `corpus`, `asr`, or what stood in the way of a language."""

    def told(self, heard: Sequence[HeardClip]) -> list[HeardClip]:
        """Return the clips with their languages; one that nobody knows stays `None`, it is never guessed."""
        known = list(heard)
        asked = [number for number, each in enumerate(heard) if self._askable(each)]
        answers = self._whisper.transcriber.languages([heard[number].samples for number in asked]) if asked else []
        for number, language in zip(asked, answers, strict=True):
            self.origins["asr" if language else "not_sure"] += 1
            clip = heard[number].clip.model_copy(update={"language": language})
            known[number] = replace(heard[number], clip=clip, language_by=self._whisper.by)
        return known

    def _askable(self, heard: HeardClip) -> bool:
        if heard.clip.domain is not Domain.SPEECH:
            return False
        origin = self._obstacle(heard)
        self.origins.update([origin] if origin else [])
        return origin is None

    def _obstacle(self, heard: HeardClip) -> str | None:
        if heard.clip.language:
            return BY_CORPUS
        if self._settings.detect_language == "never":
            return "not_asked_for"
        if not heard.spans:
            return "no_speech_heard"
        return None if self._whisper.tells_languages() else "model_knows_only_english"
