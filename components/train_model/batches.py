"""Which samples each step sees: a pure function of the seed, so that a resumed run goes on exactly."""

from collections.abc import Sequence

from components.core.digests import seed_of

_POOL_STEPS = 8


def plan_batches(ids: Sequence[str], lengths: Sequence[int], *, steps: int, batch: int, seed: int) -> list[list[int]]:
    """Return the indices of each step's samples: epochs of seeded order, samples of like length side by side.

    Each pool of eight steps is sorted by length before it is cut into batches, which saves padding; the order of the
    batches within a pool is drawn again, so that length does not follow the step. A sample never comes twice in a batch
    unless there are fewer samples than `batch`.
    """
    stream: list[int] = []
    epoch = 0
    while len(stream) < steps * batch:
        stream += sorted(range(len(ids)), key=lambda i: seed_of(seed, f"epoch {epoch}", ids[i]))
        epoch += 1
    wanted = stream[: steps * batch]
    pools = [wanted[start : start + _POOL_STEPS * batch] for start in range(0, len(wanted), _POOL_STEPS * batch)]
    return [step for number, pool in enumerate(pools) for step in _cut(pool, lengths, batch, seed, number)]


def _cut(pool: list[int], lengths: Sequence[int], batch: int, seed: int, number: int) -> list[list[int]]:
    ordered = sorted(pool, key=lambda i: lengths[i])
    batches = [ordered[start : start + batch] for start in range(0, len(ordered), batch)]
    order = sorted(range(len(batches)), key=lambda place: seed_of(seed, f"pool {number}", str(place)))
    return [batches[place] for place in order]


def share_of(batch: Sequence[int], rank: int, processes: int) -> list[int]:
    """Return one process's part of a step, every `processes`-th sample, so that the parts are about equally long."""
    return list(batch[rank::processes])
