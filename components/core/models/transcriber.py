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
from components.core.languages import code_of

_MAJORITY = 0.5


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

    def transcribe(self, clips: Sequence[Samples], language: str | None) -> list[str]:
        """Return the words of each clip, all in one language that the model understands (`None`: it finds out)."""
        return [text for batch in self._batches(clips) for text in self._texts(batch, language)]

    def languages(self, clips: Sequence[Samples]) -> list[str | None]:
        """Return the code of the language that is spoken in each clip; the model must know several.

        After the token that begins every transcript, Whisper says the language. `None` where it holds none for likelier
        than all others together.
        """
        return [language for batch in self._batches(clips) for language in self._languages(batch)]

    def _batches(self, clips: Sequence[Samples]) -> Iterator[Sequence[Samples]]:
        return (clips[start : start + self._batch] for start in range(0, len(clips), self._batch))

    @torch.inference_mode()
    def _languages(self, clips: Sequence[Samples]) -> list[str | None]:
        config = self._model.generation_config
        codes = [token.strip("<|>") for token in config.lang_to_id]
        begin = torch.full((len(clips), 1), config.decoder_start_token_id, device=self._device)
        features = self._features(clips)["input_features"]
        logits = self._model(input_features=features, decoder_input_ids=begin).logits[:, -1]
        shares, numbers = logits[:, list(config.lang_to_id.values())].softmax(-1).max(-1)
        found = zip(shares.tolist(), numbers.tolist(), strict=True)
        return [codes[number] if share > _MAJORITY else None for share, number in found]

    def _features(self, clips: Sequence[Samples]) -> Any:
        return self._extract(
            [np.asarray(samples) for samples in clips],
            sampling_rate=SAMPLE_RATE_HZ,
            return_attention_mask=True,
            return_tensors="pt",
        ).to(self._device)

    @torch.inference_mode()
    def _texts(self, clips: Sequence[Samples], language: str | None) -> Iterator[str]:
        features = self._features(clips)
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
