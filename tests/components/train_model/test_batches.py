from collections import Counter

import pytest

from components.train_model.batches import cut_by_tokens, parts_of, plan_batches, plan_by_tokens
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


@pytest.mark.parametrize("processes", [1, 2, 3, 5])
@pytest.mark.parametrize("at_once", [0, 1, 2])
def test_processes_share_a_batch_without_rest_in_as_many_parts_each(processes: int, at_once: int) -> None:
    batch = list(range(8))
    parts = [parts_of(batch, rank=rank, processes=processes, at_once=at_once) for rank in range(processes)]

    assert sorted(i for mine in parts for part in mine for i in part) == batch
    assert len({len(mine) for mine in parts}) == 1
    assert all(len(part) <= at_once for mine in parts for part in mine) or not at_once


def test_a_process_without_a_sample_has_an_empty_part() -> None:
    assert parts_of(["a"], rank=1, processes=2, at_once=0) == [[]]


BUDGET = 60


def by_tokens(steps: int = 60, seed: int = 1) -> list[list[int]]:
    return plan_by_tokens(IDS, LENGTHS, steps=steps, batch_tokens=BUDGET, seed=seed)


def padded(batch: list[int]) -> int:
    return len(batch) * max(LENGTHS[i] for i in batch)


def test_no_step_has_more_positions_than_its_budget() -> None:
    assert max(padded(batch) for batch in by_tokens()) <= BUDGET


def test_steps_are_about_as_full_as_they_can_be() -> None:
    filled = [padded(batch) / BUDGET for batch in by_tokens()]

    assert sum(filled) / len(filled) > 0.8


def test_no_sample_is_lost_or_doubled_in_an_epoch() -> None:
    stream = [i for batch in by_tokens() for i in batch]
    whole = len(stream) // 50

    assert whole > 2
    for epoch in range(whole):
        assert sorted(stream[epoch * 50 : (epoch + 1) * 50]) == list(range(50))


def test_epochs_differ_from_each_other() -> None:
    stream = [i for batch in by_tokens() for i in batch]

    assert stream[:50] != stream[50:100]


def test_the_plan_by_tokens_follows_from_the_seed_and_not_from_the_number_of_steps() -> None:
    assert by_tokens(steps=60)[:20] == by_tokens(steps=20)
    assert by_tokens(seed=1) != by_tokens(seed=2)


def test_a_sample_as_long_as_the_budget_has_a_step_of_its_own() -> None:
    assert cut_by_tokens([0, 1, 2], [10, 60, 10], 60) == [[0], [1], [2]]


@pytest.mark.parametrize(("step", "rate"), [(0, 0.1), (9, 1.0), (10, 1.0), (60, 0.5), (110, 0.0)])
def test_the_rate_rises_and_falls(step: int, rate: float) -> None:
    assert learning_rate_at(step, peak=1.0, warmup_steps=10, steps=110) == pytest.approx(rate)
