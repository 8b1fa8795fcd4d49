"""Run the conditions: each held-out sample under the untrained adapter, the trained one, and the wrong clip."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerBase

from components.core.contracts.records import Answer, Record, Sample
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


class Written(Record):
    """What is said about one sample in each condition; `None` where it was not asked for."""

    sample_id: str
    untrained: str | None = None
    trained: str | None = None
    wrong_clip: str | None = None


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


def write(
    pairs: Sequence[Pair], kept: Container[str], untrained: Listener, trained: Listener, batch: int
) -> Iterator[Written]:
    """Yield what is said in each condition about the pairs whose answers are wanted, those aside that are kept.

    They are written in batches of their own: a step of the LLM costs about the same for one row as for many.
    """
    for part in _batches([pair for pair in pairs if pair.write], kept, batch):
        said = (
            untrained.answers(part, wrong=False),
            trained.answers(part, wrong=False),
            trained.answers(part, wrong=True),
        )
        for pair, (before, after, other) in zip(part, zip(*said, strict=True), strict=True):
            yield Written(sample_id=pair.sample.sample_id, untrained=before, trained=after, wrong_clip=other)


def measure(
    pairs: Sequence[Pair],
    kept: Container[str],
    written: Mapping[str, Written],
    untrained: Listener,
    trained: Listener,
    batch: int,
) -> Iterator[Answer]:
    """Yield an answer for each pair that is not kept; the transcript stays the right one in every condition."""
    for part in _batches(pairs, kept, batch):
        before, after = untrained.losses(part, wrong=False), trained.losses(part, wrong=False)
        wrong = trained.losses(part, wrong=True)
        for row, pair in enumerate(part):
            said = written.get(pair.sample.sample_id, Written(sample_id=pair.sample.sample_id))
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


def _batches(pairs: Sequence[Pair], kept: Container[str], batch: int) -> Iterator[Sequence[Pair]]:
    """Yield the batches that are not kept whole: always the same ones, since neighbours move the last digits."""
    for start in range(0, len(pairs), batch):
        part = pairs[start : start + batch]
        if not all(pair.sample.sample_id in kept for pair in part):
            yield part
