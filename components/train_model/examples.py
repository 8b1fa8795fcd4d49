"""Accepted samples as token ids, checked before the first step instead of cut in silence."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from components.core.contracts.errors import ContractError
from components.core.contracts.records import GeneratorIdentity, Sample, Split
from components.core.models.splice import Spliced, Splicer


@dataclass(frozen=True)
class Example:
    """One sample, ready for the model."""

    sample_id: str
    clip_id: str
    ids: Spliced


def examples_of(
    samples: Iterable[Sample], split: Split, backbone: GeneratorIdentity, splicer: Splicer, *, queries: int, window: int
) -> Iterator[Example]:
    """Yield the examples of one split.

    Raises:
        ContractError: a sample was not written by the backbone, has nothing to learn, or does not fit into the window.
    """
    for sample in samples:
        if odd := sample.generator.differs_in(backbone):
            told = ", ".join(f"{n} {getattr(sample.generator, n)[:12]} (here {getattr(backbone, n)[:12]})" for n in odd)
            raise ContractError(
                f"sample {sample.sample_id}: written by another model than the backbone, which differs in {told}; "
                "generate the samples with the backbone itself"
            )
        if sample.split is split:
            yield _example(sample, splicer, queries, window)


def _example(sample: Sample, splicer: Splicer, queries: int, window: int) -> Example:
    if not sample.response.strip():
        raise ContractError(
            f"sample {sample.sample_id}: its answer {sample.response!r} has no word to learn; validate_data refuses "
            "such samples as empty"
        )
    ids = splicer.splice(sample.messages, [sample.transcript], sample.response)
    if ids.length(queries) > window:
        raise ContractError(
            f"sample {sample.sample_id}: needs {ids.length(queries)} positions, the window has {window}; "
            "raise window_tokens, or set the same window where the data are validated"
        )
    return Example(sample.sample_id, sample.clip_id, ids)


def with_other_clips(examples: Sequence[Example]) -> list[Example]:
    """Give each example the clip of another one, half of all clips further; nothing where all are about one clip."""
    clips = sorted({example.clip_id for example in examples})
    half = len(clips) // 2
    other = dict(zip(clips, [*clips[half:], *clips[:half]], strict=True))
    return [replace(example, clip_id=other[example.clip_id]) for example in examples] if half else []
