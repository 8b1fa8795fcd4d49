import random

from components.validate_data.drawing import Draw


def drawn(ids: list[str], size: int, seed: int = 0) -> list[str]:
    draw: Draw[str] = Draw(seed, "test", size)
    for item_id in ids:
        draw.see(item_id, item_id)
    return draw.drawn()


def test_what_is_drawn_depends_on_neither_order_nor_size() -> None:
    ids = [str(number) for number in range(500)]
    shuffled = random.Random(1).sample(ids, len(ids))  # noqa: S311 - no secret
    assert drawn(ids, 20) == drawn(shuffled, 20) == drawn(ids, 40)[:20]
    assert len(set(drawn(ids, 20))) == 20


def test_another_seed_draws_others() -> None:
    ids = [str(number) for number in range(500)]
    assert drawn(ids, 20, seed=1) != drawn(ids, 20, seed=2)


def test_of_few_all_are_drawn_and_of_none_none() -> None:
    assert sorted(drawn(["a", "b"], 20)) == ["a", "b"]
    assert drawn(["a", "b"], 0) == []
    assert drawn([], 20) == []
