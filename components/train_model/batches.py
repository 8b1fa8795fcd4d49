"""Which samples each step sees: a pure function of the seed, so that a resumed run goes on exactly."""

from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import TypeVar

from components.core.digests import seed_of

_POOL_STEPS = 8

T = TypeVar("T")


def plan_batches(ids: Sequence[str], lengths: Sequence[int], *, steps: int, batch: int, seed: int) -> list[list[int]]:
    """Return the indices of each step's samples: epochs of seeded order, samples of like length side by side.

    Each pool of eight steps is sorted by length before it is cut into batches, which saves padding; the order of the
    batches within a pool is drawn again, so that length does not follow the step. A sample never comes twice in a batch
    unless there are fewer samples than `batch`.
    """
    stream: list[int] = []
    epoch = 0
    while len(stream) < steps * batch:
        stream += _shuffled(ids, seed, epoch)
        epoch += 1
    wanted = stream[: steps * batch]
    pools = [wanted[start : start + _POOL_STEPS * batch] for start in range(0, len(wanted), _POOL_STEPS * batch)]
    cut = [cut_by_count(sorted(pool, key=lambda i: lengths[i]), batch) for pool in pools]
    return [step for number, batches in enumerate(cut) for step in _reordered(batches, seed, f"pool {number}")]


def plan_by_tokens(
    ids: Sequence[str], lengths: Sequence[int], *, steps: int, batch_tokens: int, seed: int
) -> list[list[int]]:
    """Return the indices of each step's samples, as many as `batch_tokens` positions hold with the padding.

    Every epoch holds each sample once and is cut on its own, so that its last steps can be small. Pools are those of
    `plan_batches`, of as many samples as fill eight steps without padding.
    """
    return list(islice(_by_tokens(ids, lengths, batch_tokens, seed), steps))


def _by_tokens(ids: Sequence[str], lengths: Sequence[int], batch_tokens: int, seed: int) -> Iterator[list[int]]:
    for epoch in count():
        pools = cut_by_sum(_shuffled(ids, seed, epoch), lengths, _POOL_STEPS * batch_tokens)
        for number, pool in enumerate(pools):
            batches = cut_by_tokens(sorted(pool, key=lambda i: lengths[i]), lengths, batch_tokens)
            yield from _reordered(batches, seed, f"epoch {epoch} pool {number}")


def _shuffled(ids: Sequence[str], seed: int, epoch: int) -> list[int]:
    return sorted(range(len(ids)), key=lambda i: seed_of(seed, f"epoch {epoch}", ids[i]))


def _reordered(batches: list[list[int]], seed: int, where: str) -> list[list[int]]:
    order = sorted(range(len(batches)), key=lambda place: seed_of(seed, where, str(place)))
    return [batches[place] for place in order]


def cut_by_count(indices: Sequence[int], batch: int) -> list[list[int]]:
    """Cut into pieces of `batch`; the last may be smaller."""
    return [list(indices[start : start + batch]) for start in range(0, len(indices), batch)]


def cut_by_tokens(indices: Sequence[int], lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Cut into pieces whose samples, padded to the longest of them, fill at most `batch_tokens` positions."""
    pieces: list[list[int]] = []
    longest = 0
    for i in indices:
        longest = max(longest, lengths[i])
        if not pieces or (len(pieces[-1]) + 1) * longest > batch_tokens:
            pieces.append([])
            longest = lengths[i]
        pieces[-1].append(i)
    return pieces


def cut_by_sum(indices: Sequence[int], lengths: Sequence[int], total: int) -> list[list[int]]:
    """Cut into pieces that end where they first hold `total` positions."""
    pieces: list[list[int]] = []
    held = total
    for i in indices:
        if held >= total:
            pieces.append([])
            held = 0
        pieces[-1].append(i)
        held += lengths[i]
    return pieces


def parts_of(batch: Sequence[T], *, rank: int, processes: int, at_once: int) -> list[list[T]]:
    """Return what one process computes of a step, at most `at_once` samples at a time (0: all of its part).

    A process has every `processes`-th sample, so that parts are about equally long. All have the same number of parts,
    since they wait for one another: a part can be empty.
    """
    mine, largest = batch[rank::processes], -(-len(batch) // processes)
    size = at_once or largest
    return [list(mine[start : start + size]) for start in range(0, largest, size)]
