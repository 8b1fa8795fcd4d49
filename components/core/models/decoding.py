"""Writing token by token: a batch of rows, each drawn in its own way from its own seed, up to its own end."""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's own abbreviation
from transformers import Cache, PreTrainedModel

from components.core.contracts.records import Decoding

_IGNORED = -100

Step = list[tuple[int, int]]
"""A row and the token that it goes on with, for each row that is not at its end."""


def greedy(max_tokens: int) -> Decoding:
    """Return how to write the likeliest token each time."""
    return Decoding(temperature=0.0, top_p=1.0, max_tokens=max_tokens, seed=0)


def stops_of(tokenizer: Any, llm: PreTrainedModel) -> frozenset[int]:
    """Return the tokens that end a turn: the tokenizer's, and those that the LLM itself names."""
    named = llm.generation_config.eos_token_id
    return frozenset({int(tokenizer.eos_token_id), *(named if isinstance(named, list) else [named])} - {None})


@torch.inference_mode()
def write(
    llm: Callable[..., Any],
    embeddings: Tensor,
    mask: Tensor,
    decodings: Sequence[Decoding],
    stops: AbstractSet[int],
    wanted: Callable[[int], bool] = lambda _: True,
) -> Iterator[Step]:
    """Go on with left-padded rows (embeddings [B, N, H], mask [B, N]) step by step, as the LLM's softmax has it.

    A row ends after a token of `stops` or its `max_tokens`, or when it is not `wanted` any more; the others go on
    without it. Of the LLM's own generation configuration nothing is applied (penalties, its top-k).
    """
    draws = [_Draw(decoding) for decoding in decodings]
    rows, cache, tokens = list(range(len(draws))), None, None
    while rows:
        words = {"inputs_embeds": embeddings} if tokens is None else {"input_ids": tokens}
        places = positions(mask) if tokens is None else mask.sum(dim=1, keepdim=True) - 1
        out = llm(
            **words, attention_mask=mask, position_ids=places, past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        cache, logits = out.past_key_values, out.logits[:, -1].float()
        drawn = [draws[row].next(of_row) for row, of_row in zip(rows, logits, strict=True)]
        yield list(zip(rows, drawn, strict=True))
        going = [
            place
            for place, (row, token) in enumerate(zip(rows, drawn, strict=True))
            if token not in stops and draws[row].left and wanted(row)
        ]
        if len(going) < len(rows):
            mask = _keep(going, cache, mask)
            rows = [rows[place] for place in going]
        tokens = torch.tensor([[drawn[place]] for place in going], device=mask.device)
        mask = F.pad(mask, (0, 1), value=1)


@torch.inference_mode()
def nll_of_each(llm: PreTrainedModel, embeddings: Tensor, targets: Sequence[Sequence[int]]) -> list[float]:
    """Return the negative log-likelihood (nats, summed) of each target behind one row, embeddings [1, N, H].

    The row is read once for all of them.
    """
    read = llm(inputs_embeds=embeddings, use_cache=True, logits_to_keep=1)
    cache: Cache = read.past_key_values
    cache.batch_repeat_interleave(len(targets))
    longest = max(len(target) for target in targets)
    ids = torch.zeros(len(targets), longest, dtype=torch.long, device=embeddings.device)
    labels = torch.full_like(ids, _IGNORED)
    for row, target in enumerate(targets):
        labels[row, : len(target)] = ids[row, : len(target)] = torch.tensor(target, device=ids.device)
    first = read.logits[:, -1:].expand(len(targets), -1, -1)
    rest = llm(input_ids=ids[:, :-1], past_key_values=cache).logits if longest > 1 else first[:, :0]
    logits = torch.cat([first, rest], dim=1).float().transpose(1, 2)
    losses = F.cross_entropy(logits, labels, ignore_index=_IGNORED, reduction="none").sum(dim=1)
    return [float(loss) for loss in losses]


def positions(mask: Tensor) -> Tensor:
    """Return each token's place in its row, of a left-padded mask [B, N]."""
    return (mask.cumsum(dim=1) - 1).clamp(min=0)


def _keep(places: Sequence[int], cache: Cache, mask: Tensor) -> Tensor:
    kept = torch.tensor(places, dtype=torch.long, device=mask.device)
    if places:
        cache.batch_select_indices(kept)
    return mask[kept]


class _Draw:
    """Draws the tokens of one row: what its neighbours draw changes nothing."""

    def __init__(self, decoding: Decoding) -> None:
        self.left = decoding.max_tokens
        self._decoding = decoding
        self._generator = torch.Generator().manual_seed(decoding.seed)

    def next(self, logits: Tensor) -> int:
        """Return the token after logits [V]: the likeliest, or one of the likeliest that together have `top_p`."""
        self.left -= 1
        if not self._decoding.temperature:
            return int(logits.argmax())
        likely, tokens = (logits.cpu() / self._decoding.temperature).softmax(-1).sort(descending=True, stable=True)
        likely[likely.cumsum(-1) - likely >= self._decoding.top_p] = 0
        return int(tokens[torch.multinomial(likely, 1, generator=self._generator)])
