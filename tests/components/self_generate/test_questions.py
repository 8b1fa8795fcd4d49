from dataclasses import replace
from pathlib import Path

import pytest

from components.core.contracts.records import Domain
from components.core.digests import digest_of_bytes
from components.self_generate.prompt_pool import load_pools
from components.self_generate.questions import Plan
from tests.builders import make_generator
from tests.components.self_generate.making import ask, describe, make_decoding, make_descriptions, make_prompt


def plan(folder: Path, numbers: list[int], **changes: object) -> Plan:
    values = {
        "descriptions": make_descriptions(folder, [describe(number) for number in numbers]),
        "pools": load_pools(),
        "prompts_per_clip": 2,
        "generator": make_generator(),
        "decoding": make_decoding(),
        "batch": 4,
    }
    return Plan(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        ask(describe(2)),
        ask(describe(1).model_copy(update={"clip_id": digest_of_bytes(b"another recording, described alike")})),
        ask(describe(1), make_prompt("Is it loud?")),
        ask(describe(1), generator=make_generator(weights="f" * 64)),
        ask(describe(1), generator=make_generator(engine_version="0.33.0")),
        ask(describe(1), decoding=make_decoding(temperature=0.06)),
        ask(describe(1), decoding=make_decoding(max_tokens=13)),
    ],
    ids=["description", "clip", "prompt", "weights", "engine", "temperature", "length"],
)
def test_sample_id_changes_with_everything_that_decides_the_answer(changed: object) -> None:
    assert ask(describe(1)).sample_id != changed.sample_id  # type: ignore[attr-defined]


def test_sample_id_does_not_depend_on_what_the_generator_is_not_told() -> None:
    told = describe(1)
    more = told.model_copy(update={"attributes": {"colour": "brown"}, "split": "validation"})
    assert ask(more).sample_id == ask(told).sample_id


def test_plan_asks_the_same_of_a_clip_wherever_it_stands(tmp_path: Path) -> None:
    forwards, backwards = plan(tmp_path / "a", [0, 1, 2]), plan(tmp_path / "b", [2, 1, 0])
    assert sorted(q.sample_id for q in forwards) == sorted(q.sample_id for q in backwards)


def test_more_prompts_a_clip_keep_the_questions_that_were_there(tmp_path: Path) -> None:
    few = plan(tmp_path / "a", [0, 1])
    many = plan(tmp_path / "b", [0, 1], prompts_per_clip=3)
    assert {q.sample_id for q in few} < {q.sample_id for q in many}
    assert len(list(many)) == len(many) == 6


def test_question_shows_the_description_and_hides_nothing_else(tmp_path: Path) -> None:
    question = next(iter(plan(tmp_path / "a", [3])))
    system, user = question.conversation
    assert question.description.seed_description in user.content
    assert question.prompt.text in user.content
    assert question.prompt.domain is Domain.SOUND
    assert (system.role, user.role) == ("system", "user")


@pytest.mark.parametrize("shards", [1, 2, 3, 4, 9])
def test_shards_have_the_batches_of_the_whole_plan_each_once(tmp_path: Path, shards: int) -> None:
    whole = plan(tmp_path / "a", list(range(7)))
    parts = [replace(whole, shard=number, shards=shards) for number in range(shards)]
    batches = [[q.sample_id for q in batch] for part in parts for batch in part.batches()]
    assert sorted(batches) == sorted([q.sample_id for q in batch] for batch in whole.batches())
    assert [len(part) for part in parts] == [len(list(part)) for part in parts]
