"""Speech to text with the encoder's own Whisper: the decoder that belongs to the frozen encoder, greedy."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer, WhisperFeatureExtractor, WhisperForConditionalGeneration
from transformers.utils import logging

from components.core.audio import Samples
from components.core.contracts.records import SAMPLE_RATE_HZ
from components.extract_metadata.languages import code_of


class Transcriber:
    """Writes down what is said in clips of at most 30 s."""

    def __init__(self, folder: Path, batch: int, max_tokens: int) -> None:
        logging.set_verbosity_error()  # it advises on options that greedy decoding does not use
        logging.disable_progress_bar()
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._extract = WhisperFeatureExtractor.from_pretrained(folder)
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        model = WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
        self._model = model.eval().to(self._device)
        self._batch, self._max_tokens = batch, max_tokens

    def understands(self, language: str | None) -> bool:
        """Tell whether the model was trained on a language; an unknown one it may try, if it knows several."""
        config = self._model.generation_config
        if not getattr(config, "is_multilingual", False):
            return language is None or code_of(language) == "en"
        return language is None or _token(language) in config.lang_to_id

    def transcribe(self, clips: Sequence[Samples], language: str | None) -> list[str]:
        """Return the words of each clip, all in one language that the model understands (`None`: it finds out)."""
        batches = (clips[start : start + self._batch] for start in range(0, len(clips), self._batch))
        return [text for batch in batches for text in self._texts(batch, language)]

    @torch.inference_mode()
    def _texts(self, clips: Sequence[Samples], language: str | None) -> Iterator[str]:
        features = self._extract(
            [np.asarray(samples) for samples in clips],
            sampling_rate=SAMPLE_RATE_HZ,
            return_attention_mask=True,
            return_tensors="pt",
        ).to(self._device)
        tokens = self._model.generate(
            **features, do_sample=False, num_beams=1, max_new_tokens=self._max_tokens, **self._spoken(language)
        )
        return (text.strip() for text in self._tokenizer.batch_decode(tokens, skip_special_tokens=True))

    def _spoken(self, language: str | None) -> dict[str, Any]:
        if not getattr(self._model.generation_config, "is_multilingual", False):
            return {}  # an English model has no tokens for languages and tasks
        return {"task": "transcribe", "language": None if language is None else _token(language)}


def _token(language: str) -> str:
    return f"<|{code_of(language)}|>"
