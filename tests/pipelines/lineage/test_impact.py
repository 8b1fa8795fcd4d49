"""Where something is: every count, in every result that has some of it."""

import json

import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.parquet import write_shard
from components.core.contracts.records import Answer
from components.core.registry import Decider, Registry
from pipelines.cli import main
from pipelines.lineage.choice import By, Choice
from pipelines.lineage.impact import Impact, impact
from tests.pipelines.lineage.making import (
    ACCEPTED,
    ANNA,
    BERT,
    BROKEN,
    HELD_OUT,
    LLM,
    REFUSED,
    RUN,
    Made,
    answer,
)


def found(made: Made, by: By, *values: str) -> Impact:
    return impact(Choice(by=by, values=values), made.home, made.checkout)


def rows(impact: Impact) -> dict[str, tuple[dict[str, int], dict[str, int]]]:
    return {each.kind: (each.splits, each.refused) for each in impact.datasets}


def test_a_speaker_is_found_also_where_only_a_segment_is_hers(made: Made) -> None:
    anna = found(made, By.SPEAKER, "anna")
    assert (anna.clips, anna.samples) == (2, 3)
    splits = {"train": 2, "validation": 1}
    assert rows(anna) == {
        "clips": ({"train": 1, "validation": 1}, {}),
        "descriptions": ({"train": 1, "validation": 1}, {}),
        "samples": (splits, {}),
        "accepted": (splits, {}),
    }
    (model,) = anna.models
    assert (model.learned_from, model.validated_on, model.runs) == (2, 1, (RUN,))
    (evaluation,) = anna.evaluations
    assert (evaluation.answers, evaluation.as_wrong_clip, evaluation.items) == (0, 1, 0)
    (published,) = anna.published
    assert (published.name, published.accepted, published.clips) == ("spring", 3, 2)


def test_what_was_refused_is_counted_by_its_reason_and_taught_no_model(made: Made) -> None:
    bert = found(made, By.LICENCE, "gpl-2.0-ONLY")
    assert rows(bert)["accepted"] == ({}, {"cut_off": 1})
    assert rows(bert)["samples"] == ({"train": 1}, {})
    assert (bert.models, bert.evaluations, bert.samples) == ((), (), 1)


def test_a_source_is_a_corpus_a_file_or_its_digest_and_counts_refused_files(made: Made) -> None:
    corpus = found(made, By.SOURCE, "farm")
    assert (corpus.clips, rows(corpus)["clips"][1]) == (4, {"unreadable": 1})
    for value in ("farm/300.flac", ANNA.source.sha256):
        assert (found(made, By.SOURCE, value).clips, found(made, By.SOURCE, value).samples) == (1, 2)
    broken = found(made, By.SOURCE, BROKEN.sha256)
    assert (broken.clips, broken.anywhere, rows(broken)) == (0, True, {"clips": ({}, {"unreadable": 1})})


def test_a_held_out_clip_is_in_answers_and_items_and_not_in_what_was_learned(made: Made) -> None:
    held_out = found(made, By.CLIP, HELD_OUT.clip_id[:10])
    assert held_out.values == (HELD_OUT.clip_id,)
    (evaluation,) = held_out.evaluations
    assert (evaluation.answers, evaluation.as_wrong_clip, evaluation.items) == (1, 0, 1)
    assert [model.learned_from for model in held_out.models] == [0]


def test_a_set_of_clips_is_asked_about_at_once(made: Made) -> None:
    both = found(made, By.CLIP, ANNA.clip_id, BERT.clip_id)
    assert (both.clips, both.samples) == (2, 3)


def test_a_prompt_is_counted_where_it_was_asked(made: Made) -> None:
    prompt = found(made, By.PROMPT, "sound-descriptive-002")
    assert (prompt.clips, prompt.samples, rows(prompt)) == (
        1,
        1,
        {"samples": ({"train": 1}, {}), "accepted": ({"train": 1}, {})},
    )
    assert [model.learned_from for model in prompt.models] == [1]
    assert found(made, By.PROMPT, "sound-descriptive-001").evaluations[0].answers == 1


@pytest.mark.parametrize("llm", [LLM, ACCEPTED[0].generator.weights, "hf://a/b@1"])
def test_a_language_model_is_known_by_its_digest_its_weights_or_its_reference(made: Made, llm: str) -> None:
    assert found(made, By.LLM, llm).samples == len(ACCEPTED) + len(REFUSED)


def test_caches_are_counted_also_of_a_clip_that_is_in_no_result_any_more(made: Made) -> None:
    gone = "7" * 64
    for hearing in ("one", "two"):
        for clip_id in (ANNA.clip_id, gone):
            file = made.home.features / hearing / clip_id[:2] / f"{clip_id}.safetensors"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    kept = made.home.root / "generations" / "g" / "one.parquet"
    kept.parent.mkdir(parents=True)
    write_shard(kept, [answer().model_copy(update={"sample_id": ACCEPTED[0].sample_id}), answer()], Answer)
    anna = found(made, By.CLIP, ANNA.clip_id)
    assert (anna.features, anna.generations) == (2, 1)
    erased = found(made, By.CLIP, gone)
    assert (erased.clips, erased.features, erased.anywhere) == (0, 2, True)


def test_registered_versions_are_named_also_where_the_model_itself_is_gone(made: Made) -> None:
    registry = Registry(made.home)
    tags = {"desta.input.accepted": made.digests["accepted"]}
    registry.add("file:///nowhere", "0" * 32, {**tags, "desta.digest": made.digests["model"]})
    registry.add("file:///nowhere", "0" * 32, {**tags, "desta.digest": "5" * 64})
    registry.add("file:///nowhere", "0" * 32, {"desta.input.accepted": "0" * 64, "desta.digest": "6" * 64})
    registry.move("2", "a test", Decider.HAND)
    models = {model.digest: model for model in found(made, By.SPEAKER, "anna").models}
    assert {digest: model.versions for digest, model in models.items()} == {
        made.digests["model"]: ("desta-adapter@1",),
        "5" * 64: ("desta-adapter@2",),
    }
    assert [model.champion for model in models.values() if model.digest == "5" * 64] == [True]
    assert models["5" * 64].learned_from == 2


@pytest.mark.parametrize("by", By)
@pytest.mark.parametrize(
    "value", ["nobody", "'; DROP TABLE chosen_clips; --", "%", "*", "../..", "$values", "0" * 64, "é"]
)
def test_a_value_that_is_nowhere_is_nowhere(made: Made, by: By, value: str) -> None:
    nothing = found(made, by, value)
    assert not nothing.anywhere
    assert (nothing.datasets, nothing.models, nothing.evaluations, nothing.published) == ((), (), (), ())


@pytest.mark.parametrize("value", ["", "\0", "a\nb", "x" * 1_000_000, "\ud800"])
def test_a_value_that_cannot_be_one_is_one_short_line(made: Made, value: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        found(made, By.SPEAKER, value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


def test_the_command_ends_as_a_search_does(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    said = {}
    for argv in (
        ["--speaker", "anna"],
        ["--speaker", "anna", "--json"],
        ["--speaker", "nobody"],
        [],
        ["--clip", "a", "--llm", "b"],
    ):
        with pytest.raises(SystemExit) as ended:
            main(["impact", *argv])
        said[tuple(argv)] = (ended.value.code, capsys.readouterr())
    assert [code for code, _ in said.values()] == [0, 0, 1, 2, 2]
    text, record, nothing, *wrong = (output for _, output in said.values())
    assert text.out.splitlines()[0] == "speaker anna: 2 clips, 3 samples"
    assert json.loads(record.out)["models"][0]["digest"] == made.digests["model"]
    assert nothing.out == "nothing of speaker nobody is here\n"
    assert all(len(output.err.splitlines()) == 1 for output in wrong)
