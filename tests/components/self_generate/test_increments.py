"""Only what is not answered yet is asked: the questions that reach the generator are counted."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from components.core.contracts.artifacts import Artifact
from components.core.contracts.records import Domain, Sample
from components.core.home import Home
from components.core.runs import Increment, read_stage
from components.self_generate.prompt_pool import Prompt, PromptPool, load_pools
from tests.components.self_generate.making import SETTINGS, Teller, describe, make_descriptions, make_samples


@pytest.fixture
def descriptions(tmp_path: Path) -> Artifact:
    """Fifty clips: a hundred questions."""
    return make_descriptions(tmp_path / "d", [describe(number) for number in range(50)])


def with_prompt(old: Prompt, new: Prompt) -> Mapping[Domain, PromptPool]:
    """The pools with one prompt in place of another."""
    pools = load_pools()
    prompts = tuple(sorted((new if p == old else p for p in pools[old.domain].prompts), key=lambda p: p.prompt_id))
    return {**pools, old.domain: pools[old.domain].model_copy(update={"prompts": prompts})}


def drawing(samples: Artifact, prompt: Prompt) -> list[str]:
    """The ids of the samples that ask a prompt."""
    return [sample.sample_id for sample in samples.read(Sample) if sample.prompt_id == prompt.prompt_id]


def a_drawn_prompt(samples: Artifact) -> Prompt:
    """The prompt of the first sample."""
    first = next(samples.read(Sample))
    return next(p for p in load_pools()[first.domain].prompts if p.prompt_id == first.prompt_id)


def test_a_prompt_in_other_words_is_asked_again_of_the_clips_that_draw_it_and_of_no_other(
    descriptions: Artifact, home: Home
) -> None:
    before = make_samples(descriptions, Teller(), home)
    prompt = a_drawn_prompt(before)
    reworded = prompt.model_copy(update={"text": "What would a blind listener tell you?"})

    teller = Teller()
    after = make_samples(descriptions, teller, home, pools=with_prompt(prompt, reworded))

    assert 0 < len(teller.asked) < 10
    assert teller.asked == drawing(after, prompt)
    assert after.manifest.counts.rows_out == 100


def test_a_prompt_in_place_of_another_is_asked_only_where_one_of_the_two_is_drawn(
    descriptions: Artifact, home: Home
) -> None:
    before = make_samples(descriptions, Teller(), home)
    prompt = a_drawn_prompt(before)
    new = prompt.model_copy(update={"prompt_id": f"{prompt.domain}-{prompt.category}-999", "text": "And what else?"})

    teller = Teller()
    after = make_samples(descriptions, teller, home, pools=with_prompt(prompt, new))

    known = {sample.sample_id for sample in before.read(Sample)}
    assert set(teller.asked) == {sample.sample_id for sample in after.read(Sample)} - known
    concerned = {s.clip_id for s in before.read(Sample) if s.prompt_id == prompt.prompt_id}
    concerned |= {s.clip_id for s in after.read(Sample) if s.prompt_id == new.prompt_id}
    assert {s.clip_id for s in after.read(Sample) if s.sample_id in teller.asked} <= concerned


def test_one_clip_in_fifty_described_anew_costs_its_own_questions(
    descriptions: Artifact, home: Home, tmp_path: Path
) -> None:
    make_samples(descriptions, Teller(), home)
    changed = [describe(number) for number in range(50)]
    changed[17] = changed[17].model_copy(update={"seed_description": "[00:00-00:02] (Sound: a cow)"})

    teller = Teller()
    after = make_samples(make_descriptions(tmp_path / "changed", changed), teller, home)

    assert teller.asked == [s.sample_id for s in after.read(Sample) if s.clip_id == changed[17].clip_id]
    assert len(teller.asked) == SETTINGS.prompts_per_clip


def test_other_batches_ask_for_nothing(descriptions: Artifact, home: Home) -> None:
    make_samples(descriptions, Teller(), home)
    teller = Teller()
    make_samples(descriptions, teller, home, settings=SETTINGS.model_copy(update={"batch": 7}))
    assert teller.asked == []


def test_the_run_says_what_it_found_and_made_and_the_result_does_not(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some, all_of_them = (
        make_descriptions(tmp_path / str(count), [describe(number) for number in range(count)]) for count in (9, 10)
    )
    monkeypatch.setenv("DESTA_RUN_DIR", str(tmp_path / "run"))
    make_samples(some, Teller(), home)
    grown = make_samples(all_of_them, Teller(), home)

    record = read_stage(tmp_path / "run", "self_generate")
    assert record is not None
    assert record.increment == Increment(unit="answers", found=18, made=2)
    assert grown.manifest == make_samples(all_of_them, Teller(), Home(tmp_path / "fresh")).manifest
