"""The encoder's own Whisper, loaded when it is first asked: a corpus that says all itself does without torch."""

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from components.core.models.store import StoredModel
from components.extract_metadata.languages import code_of
from components.extract_metadata.settings import ExtractMetadataSettings

if TYPE_CHECKING:
    from components.extract_metadata.transcriber import Transcriber


class Whisper:
    """Says from the files of the model what it can be asked, and brings it."""

    def __init__(self, encoder: StoredModel, settings: ExtractMetadataSettings) -> None:
        self._folder, self._settings = encoder.folder, settings
        self.by = f"asr:{encoder.digest}"
        """How records name what it said."""

    def tells_languages(self) -> bool:
        """Tell whether it can say what language is spoken; a model of English alone cannot."""
        return bool(self._generation.get("is_multilingual"))

    def understands(self, language: str | None) -> bool:
        """Tell whether the model was trained on a language; an unknown one it may try."""
        known = self._generation.get("lang_to_id", {}) if self.tells_languages() else {"<|en|>": 0}
        return language is None or f"<|{code_of(language)}|>" in known

    @cached_property
    def transcriber(self) -> "Transcriber":
        """The model itself."""
        from components.extract_metadata.transcriber import Transcriber

        return Transcriber(self._folder, self._settings.asr_batch, self._settings.max_asr_tokens)

    @cached_property
    def _generation(self) -> dict[str, Any]:
        path = self._folder / "generation_config.json"
        return dict(json.loads(path.read_bytes())) if path.is_file() else {}
