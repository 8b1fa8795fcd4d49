"""A judge in this process: a language model from the model store."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import torch
from jinja2 import TemplateError
from transformers import PreTrainedModel

from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.contracts.records import Decoding
from components.core.digests import digest_of, seed_of
from components.core.models.decoding import stops_of, write
from components.core.models.loading import best_device, load_llm, load_tokenizer
from components.core.models.store import StoredModel
from components.evaluate_model.benchmarks.judging import JudgeIdentity, Question, Verdict

_SEED = 0


class LocalJudge:
    """Answers one question after the other, its draws together, so that no question changes what another gets."""

    def __init__(self, model: StoredModel) -> None:
        self._model = model

    @property
    def identity(self) -> JudgeIdentity:
        """Say who judges."""
        return JudgeIdentity(model=self._model.digest, served_by="local")

    def judge(self, questions: Sequence[Question]) -> Iterator[Verdict]:
        """Answer questions in their order; the likeliest words at temperature 0, else each draw from its own seed.

        Raises:
            ConfigurationError: the model's chat template does not take a question.
            SourceError: a question leaves no room for an answer in the model's window.
        """
        for question in questions:
            yield Verdict(question=question, replies=self._replies(question))

    def _replies(self, question: Question) -> tuple[str, ...]:
        tokens = self._read(question)
        draws = [tokens] * question.draws
        read = torch.tensor(draws, device=self._llm.device)
        written: list[list[int]] = [[] for _ in draws]
        stops = stops_of(self._tokenizer, self._llm)
        with torch.inference_mode():
            embeddings = self._llm.get_input_embeddings()(read)
        for step in write(self._llm, embeddings, torch.ones_like(read), self._decodings(question, len(tokens)), stops):
            for row, token in step:
                written[row].append(token)
        return tuple(self._tokenizer.batch_decode(written, skip_special_tokens=True))

    def _read(self, question: Question) -> list[int]:
        try:
            read: list[int] = self._tokenizer.apply_chat_template(
                question.messages, add_generation_prompt=True, tokenize=True, return_dict=False
            )
        except (TemplateError, ValueError) as error:  # it breaks, or there is none
            raise ConfigurationError(f"--judge {self._model.ref}: its chat template says: {error}") from error
        return read

    def _decodings(self, question: Question, read: int) -> list[Decoding]:
        window: int = self._llm.config.max_position_embeddings
        if read >= window:
            raise SourceError(
                f"--judge {self._model.ref}: a question has {read} tokens, and the model's window {window}; "
                f"name another judge; the question: {question.prompt[:80]!r}"
            )
        name = digest_of(question.model_dump(mode="json"))
        return [
            Decoding(
                temperature=question.temperature,
                top_p=question.top_p,
                max_tokens=min(question.max_tokens, window - read),
                seed=seed_of(_SEED, name, str(draw)),
            )
            for draw in range(question.draws)
        ]

    @cached_property
    def _llm(self) -> PreTrainedModel:
        device, dtype = best_device()
        return load_llm(self._model.folder, dtype).to(device)

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self._model.folder)
