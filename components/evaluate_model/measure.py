"""Run the conditions: each held-out sample under the untrained adapter, the trained one, and the wrong clip."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import torch
from transformers import PreTrainedTokenizerBase

from components.core.contracts.records import Answer, Sample
from components.core.models.audio_language_model import AudioLanguageModel
from components.core.models.features import Features, padded
from components.core.models.splice import Spliced, Splicer


@dataclass(frozen=True)
class Pair:
    """A held-out sample, the sample whose clip is the wrong one for it, and its ids."""

    sample: Sample
    other: Sample
    ids: Spliced
    write: bool
    """Whether greedy answers are wanted as well."""


class Written(NamedTuple):
    """What is said about one sample in each condition; `None` where it was not asked for."""

    untrained: str | None
    trained: str | None
    wrong_clip: str | None


_NOT_WRITTEN = Written(None, None, None)


@dataclass(frozen=True)
class Listener:
    """A model in one of the conditions."""

    model: AudioLanguageModel
    features: Features
    tokenizer: PreTrainedTokenizerBase
    answer_tokens: int
    device: str

    @torch.inference_mode()
    def losses(self, pairs: Sequence[Pair], *, wrong: bool) -> list[float]:
        """Return the summed negative log-likelihood of each target."""
        nll: torch.Tensor = self.model(*self._heard(pairs, wrong), [pair.ids for pair in pairs])
        return [float(value) for value in nll]

    def answers(self, pairs: Sequence[Pair], *, wrong: bool) -> list[str]:
        """Return greedy answers."""
        heard, rows = self._heard(pairs, wrong), [pair.ids for pair in pairs]
        return self.model.answer(*heard, rows, self.tokenizer, self.answer_tokens)

    def _heard(self, pairs: Sequence[Pair], wrong: bool) -> tuple[torch.Tensor, torch.Tensor]:
        clips = [(pair.other if wrong else pair.sample).clip_id for pair in pairs]
        features, frames = padded([self.features.read(clip_id) for clip_id in clips])
        return features.to(self.device), frames.to(self.device)


def pair_up(samples: Sequence[Sample], others: Sequence[Sample], splicer: Splicer, answers: int) -> list[Pair]:
    """Pair samples with their wrong clips, longest first so that batches have little padding."""
    pairs = [
        Pair(sample, other, splicer.splice(sample.messages, [sample.transcript], sample.response), number < answers)
        for number, (sample, other) in enumerate(zip(samples, others, strict=True))
    ]
    return sorted(pairs, key=lambda pair: (-pair.ids.length(0), pair.sample.sample_id))


def write(pairs: Sequence[Pair], untrained: Listener, trained: Listener, batch: int) -> Iterator[tuple[str, Written]]:
    """Yield the sample ids of the pairs whose answers are wanted, with what is said in each condition.

    They are written in batches of their own: a step of the LLM costs about the same for one row as for many.
    """
    asked = iter([pair for pair in pairs if pair.write])
    while part := list(islice(asked, batch)):
        said = (
            untrained.answers(part, wrong=False),
            trained.answers(part, wrong=False),
            trained.answers(part, wrong=True),
        )
        for pair, texts in zip(part, zip(*said, strict=True), strict=True):
            yield pair.sample.sample_id, Written(*texts)


def measure(
    pairs: Sequence[Pair], written: Mapping[str, Written], untrained: Listener, trained: Listener, batch: int
) -> Iterator[Answer]:
    """Yield an answer for each pair; the transcript stays the right one in every condition."""
    rows = iter(pairs)
    while part := list(islice(rows, batch)):
        before, after = untrained.losses(part, wrong=False), trained.losses(part, wrong=False)
        wrong = trained.losses(part, wrong=True)
        for row, pair in enumerate(part):
            said = written.get(pair.sample.sample_id, _NOT_WRITTEN)
            yield Answer(
                sample_id=pair.sample.sample_id,
                clip_id=pair.sample.clip_id,
                domain=pair.sample.domain,
                prompt=pair.sample.prompt,
                target=pair.sample.response,
                target_tokens=len(pair.ids.target),
                wrong_clip_id=pair.other.clip_id,
                wrong_domain=pair.other.domain,
                nll_untrained=before[row],
                nll_trained=after[row],
                nll_wrong_clip=wrong[row],
                response_untrained=said.untrained,
                response_trained=said.trained,
                response_wrong_clip=said.wrong_clip,
            )
