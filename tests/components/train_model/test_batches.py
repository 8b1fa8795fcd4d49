from collections import Counter

import pytest

from components.train_model.batches import plan_batches, share_of
from components.train_model.schedule import learning_rate_at

IDS = [f"sample {n}" for n in range(50)]
LENGTHS = [10 + n % 7 for n in range(50)]


def plan(steps: int = 30, seed: int = 1) -> list[list[int]]:
    return plan_batches(IDS, LENGTHS, steps=steps, batch=8, seed=seed)


def test_every_step_has_a_whole_batch() -> None:
    assert [len(batch) for batch in plan()] == [8] * 30


def test_an_epoch_sees_every_sample_before_any_comes_again() -> None:
    seen = Counter(i for batch in plan(steps=25) for i in batch)

    assert set(seen) == set(range(50))
    assert set(seen.values()) == {4}


def test_the_plan_follows_from_the_seed() -> None:
    assert plan(seed=1) == plan(seed=1)
    assert plan(seed=1) != plan(seed=2)


def test_samples_of_like_length_share_a_batch() -> None:
    spread = [max(LENGTHS[i] for i in batch) - min(LENGTHS[i] for i in batch) for batch in plan(steps=24)]

    assert sum(spread) / len(spread) < 3


def test_few_samples_still_fill_a_batch() -> None:
    assert [len(batch) for batch in plan_batches(["a"], [3], steps=2, batch=4, seed=0)] == [4, 4]


def test_processes_share_a_batch_without_rest() -> None:
    batch = list(range(8))

    assert sorted(share_of(batch, 0, 2) + share_of(batch, 1, 2)) == batch


@pytest.mark.parametrize(("step", "rate"), [(0, 0.1), (9, 1.0), (10, 1.0), (60, 0.5), (110, 0.0)])
def test_the_rate_rises_and_falls(step: int, rate: float) -> None:
    assert learning_rate_at(step, peak=1.0, warmup_steps=10, steps=110) == pytest.approx(rate)
