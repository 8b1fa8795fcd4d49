"""The whole model: frozen LLM, trained adapter, the splice between them, and a LoRA where one was trained.

Shapes: B rows, C clips (those of the first row, then those of the next), N positions (padded on the left), R target
tokens (aligned on the right), Q vectors for each clip, H LLM width.
"""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import chain, takewhile
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's own abbreviation
from transformers import Cache, PreTrainedModel, PreTrainedTokenizerBase

from components.core.contracts.records import Decoding
from components.core.models.adapter import Adapter
from components.core.models.decoding import Step, greedy, positions, write
from components.core.models.lora import Lora
from components.core.models.splice import Spliced

_IGNORED = -100


class AudioLanguageModel(nn.Module):
    """Predicts and writes answers about clips; only the adapter has gradients, and the LoRA if there is one.

    `llm` itself stays the frozen one: the LoRA is on in what this model computes, and while it is `speaking`.
    """

    def __init__(self, adapter: Adapter, llm: PreTrainedModel, lora: Lora | None = None) -> None:
        super().__init__()
        self.adapter = adapter
        self.llm = llm.requires_grad_(False)
        self.lora = lora

    def train(self, mode: bool = True) -> "AudioLanguageModel":
        """Put the trained parts into training mode; the frozen LLM stays as it is used."""
        super().train(mode)
        self.llm.eval()
        return self

    def trained_parameters(self) -> list[nn.Parameter]:
        """Return what training changes: the adapter, then the LoRA."""
        return [*self.adapter.parameters(), *(self.lora.parameters() if self.lora is not None else ())]

    def speaking(self) -> AbstractContextManager[None]:
        """Let `llm`, whoever asks it, answer as this model does for as long as this lasts."""
        return self.lora.on() if self.lora is not None else nullcontext()

    def forward(self, features: Tensor, frames: Tensor, rows: Sequence[Spliced]) -> Tensor:
        """Return the negative log-likelihood (nats, summed over target tokens) of each row's target: [B].

        `features` are those of all clips, [C, L, T, D].
        """
        audio = self.adapter(features, frames)
        # One token of each row stays, since it predicts the next: a row without a clip can be all beginning.
        shared = _common_beginning([row.pieces[0][:-1] for row in rows])
        unlike = [replace(row, pieces=(row.pieces[0][len(shared) :], *row.pieces[1:])) for row in rows]
        embeddings, mask = embed(self.llm, audio, unlike, with_target=True)
        labels = _right_aligned([row.target for row in rows]).to(embeddings.device)
        logits = self._ask(
            inputs_embeds=embeddings,
            past_key_values=self._read(shared, len(rows), audio.device),
            attention_mask=F.pad(mask, (len(shared), 0), value=1),
            position_ids=positions(mask) + len(shared),
            logits_to_keep=labels.shape[1] + 1,
            use_cache=False,
        ).logits[:, :-1]
        losses = F.cross_entropy(logits.float().transpose(1, 2), labels, ignore_index=_IGNORED, reduction="none")
        return losses.sum(dim=1)

    @torch.inference_mode()
    def write(
        self,
        audio: Tensor,
        rows: Sequence[Spliced],
        decodings: Sequence[Decoding],
        stops: AbstractSet[int],
        wanted: Callable[[int], bool] = lambda _: True,
    ) -> Iterator[Step]:
        """Yield the answers to rows about clips with vectors [C, Q, H], token by token; see `decoding.write`.

        The rows' targets are not looked at.
        """
        embeddings, mask = embed(self.llm, audio, rows, with_target=False)
        yield from write(self._ask, embeddings, mask, decodings, stops, wanted)

    def answer(
        self,
        features: Tensor,
        frames: Tensor,
        rows: Sequence[Spliced],
        tokenizer: PreTrainedTokenizerBase,
        max_tokens: int,
    ) -> list[str]:
        """Return greedy answers of at most `max_tokens` tokens to rows about clips with features [C, L, T, D]."""
        with torch.inference_mode():
            audio = self.adapter(features, frames)
        written: list[list[int]] = [[] for _ in rows]
        for step in self.write(audio, rows, [greedy(max_tokens)] * len(rows), {int(tokenizer.eos_token_id)}):
            for row, token in step:
                written[row].append(token)
        return [str(text).strip() for text in tokenizer.batch_decode(written, skip_special_tokens=True)]

    def _ask(self, **inputs: Any) -> Any:
        # At each call and not around all of them: between two tokens somebody else may ask the LLM.
        with self.speaking():
            return self.llm(**inputs)

    def _read(self, shared: tuple[int, ...], rows: int, device: torch.device) -> Cache | None:
        """Let the LLM read once what all rows begin with.

        No gradient of the adapter goes back beyond the first clip; that of a LoRA does.
        """
        if not shared:
            return None
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.lora is not None):
            cache: Cache = self._ask(
                input_ids=torch.tensor([shared], device=device), use_cache=True, logits_to_keep=1
            ).past_key_values
            cache.batch_repeat_interleave(rows)
        return cache


def embed(llm: PreTrainedModel, audio: Tensor, rows: Sequence[Spliced], *, with_target: bool) -> tuple[Tensor, Tensor]:
    """Return left-padded embeddings [B, N, H] of rows with vectors [C, Q, H] of clips, and their mask [B, N]."""
    pieces = [[*row.pieces[:-1], (*row.pieces[-1], *(row.target if with_target else ()))] for row in rows]
    ids = [list(chain.from_iterable(of_row)) for of_row in pieces]
    words = cast(nn.Embedding, llm.get_input_embeddings())
    # One lookup for all: under ZeRO-3 each is a collective, and processes may have different numbers of rows.
    embedded = words(torch.tensor([*chain.from_iterable(ids)], device=audio.device))
    texts = torch.split(embedded, [*map(len, ids)])
    clips = torch.split(audio, [row.clips for row in rows])
    whole = [_with_clips(*row) for row in zip(texts, clips, pieces, strict=True)]
    longest = max(len(row) for row in whole)
    padded = torch.stack([F.pad(row, (0, 0, longest - len(row), 0)) for row in whole])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in whole], device=audio.device)
    return padded, mask


def _with_clips(text: Tensor, vectors: Tensor, pieces: Sequence[tuple[int, ...]]) -> Tensor:
    """Put the vectors [C, Q, H] of a row's clips between the embedded pieces of its text."""
    first, *others = torch.split(text, [*map(len, pieces)])
    clips = zip(vectors.to(text.dtype), others, strict=True)
    return torch.cat([first, *chain.from_iterable(clips)])


def _common_beginning(sequences: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    alike = takewhile(lambda tokens: len(set(tokens)) == 1, zip(*sequences, strict=False))
    return tuple(tokens[0] for tokens in alike)


def _right_aligned(targets: Sequence[tuple[int, ...]]) -> Tensor:
    longest = max(len(target) for target in targets)
    return torch.tensor([[_IGNORED] * (longest - len(target)) + list(target) for target in targets])
