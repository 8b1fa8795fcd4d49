"""The encoder's own Whisper, loaded when it is first asked: a corpus that says all itself does without torch."""

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from components.core.languages import code_of
from components.core.models.store import StoredModel

if TYPE_CHECKING:
    from components.core.models.transcriber import Transcriber


class Whisper:
    """Says from the files of the model what it can be asked, and brings it."""

    def __init__(self, encoder: StoredModel, *, batch: int, max_tokens: int) -> None:
        """It will hear `batch` clips at once, and write at most `max_tokens` tokens for each."""
        self._folder, self._batch, self._max_tokens = encoder.folder, batch, max_tokens
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
        from components.core.models.transcriber import Transcriber

        return Transcriber(self._folder, self._batch, self._max_tokens)

    @cached_property
    def _generation(self) -> dict[str, Any]:
        path = self._folder / "generation_config.json"
        return dict(json.loads(path.read_bytes())) if path.is_file() else {}
