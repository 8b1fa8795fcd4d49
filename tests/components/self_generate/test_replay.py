"""A part of a result answered again: equal bytes, or why not."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.artifacts import Artifact
from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from components.core.models.store import StoredModel
from components.core.progress import Progress
from components.self_generate import __main__ as stage
from components.self_generate import engine
from components.self_generate import replay as command
from components.self_generate.generation import Asked, Reply
from components.self_generate.generations import generations_of
from components.self_generate.replaying import Reason, Replay, Replayed, batches_of, changes_of, chosen
from components.self_generate.settings import ReplaySettings
from tests.builders import make_generator
from tests.components.self_generate.making import SETTINGS, Teller, describe, make_descriptions, make_samples

ALL = ReplaySettings(fraction=1)


@pytest.fixture
def descriptions(tmp_path: Path) -> Artifact:
    """Ten clips: with two prompts each, five batches of four."""
    return make_descriptions(tmp_path / "d", [describe(number) for number in range(10)])


@pytest.fixture
def replayed(home: Home, llm: StoredModel) -> Callable[..., Replayed]:
    """Replays the whole of a result with a generator that answers as another one did, or otherwise."""

    def replay(samples: Artifact, generator: Teller, machine: str = "a machine", **identity: str) -> Replayed:
        recorded = make_generator()
        generations = generations_of(home.root / "generations", recorded, machine)
        again = Replay(
            samples=samples,
            generator=generator,
            changed=changes_of(recorded, make_generator(**identity)),
            machine=machine,
            generations=generations,
            tokenizer=llm.folder / "tokenizer.json",
            progress=Progress(),
        )
        return again.of(chosen(batches_of(samples, generations, SETTINGS.batch), ALL), ALL)

    return replay


def test_equal_answers_are_identical_and_asked_in_the_same_batches(
    descriptions: Artifact, home: Home, replayed: Callable[..., Replayed]
) -> None:
    first, again = Teller(), Teller()
    samples = make_samples(descriptions, first, home)
    result = replayed(samples, again)
    assert (result.answers, result.identical, result.on_record) == (20, 20, 20)
    assert (result.explained, result.unexplained, result.differences) == (0, 0, ())
    assert sorted(again.batches) == sorted(first.batches)


class OneOther(Teller):
    """Gives the first question it is asked another answer."""

    def generate(self, questions: Sequence[Asked]) -> list[Reply]:
        first, *others = super().generate(questions)
        other = first.model_copy(update={"response": f"{self.words} nobody"})
        return [first if self.batches[1:] else other, *others]


def test_an_answer_that_nothing_explains_is_shown_from_the_token_where_it_differs(
    descriptions: Artifact, home: Home, replayed: Callable[..., Replayed]
) -> None:
    result = replayed(make_samples(descriptions, Teller(), home), OneOther())
    (difference,) = result.differences
    assert (result.identical, result.explained, result.unexplained) == (19, 0, 1)
    assert difference.equal_tokens == 3
    assert difference.recorded.startswith("an answer to ")
    assert difference.replayed == "an answer to nobody"
    assert "differs from token 4 on (unexplained)" in str(result)


@pytest.mark.parametrize(
    ("today", "reason"),
    [
        ({"engine_version": "0.33.0"}, Reason.ENGINE),
        ({"engine": "server"}, Reason.ENGINE),
        ({"dtype": "bfloat16"}, Reason.DTYPE),
        ({"machine": "another machine"}, Reason.MACHINE),
    ],
    ids=["version", "engine", "dtype", "machine"],
)
def test_another_engine_dtype_or_machine_explains_a_difference(
    today: dict[str, Any], reason: Reason, descriptions: Artifact, home: Home, replayed: Callable[..., Replayed]
) -> None:
    result = replayed(make_samples(descriptions, Teller(), home), OneOther(), **today)
    assert (result.explained, result.unexplained, result.reasons) == (1, 0, {reason: 1})


def test_a_batch_that_is_not_in_the_result_as_a_whole_explains_a_difference(
    descriptions: Artifact, home: Home, tmp_path: Path, replayed: Callable[..., Replayed]
) -> None:
    make_samples(descriptions, Teller(), home)
    fewer = make_samples(make_descriptions(tmp_path / "fewer", [describe(0)]), Teller(), home)
    result = replayed(fewer, OneOther())
    assert (result.answers, result.reasons, result.unexplained) == (2, {Reason.BATCH: 1}, 0)


def test_rows_that_were_added_to_a_result_are_replayed_in_the_batch_they_were_asked_in(
    descriptions: Artifact, home: Home, tmp_path: Path, replayed: Callable[..., Replayed]
) -> None:
    first, added, again = Teller(), Teller(), Teller()
    make_samples(descriptions, first, home)
    more = make_descriptions(tmp_path / "more", [describe(number) for number in (30, *range(10), 31)])
    result = replayed(make_samples(more, added, home), again)
    assert result.on_record == 24
    assert sorted(again.batches) == sorted([*first.batches, *added.batches])


def test_without_the_kept_answers_a_difference_is_not_explained(
    descriptions: Artifact, home: Home, replayed: Callable[..., Replayed]
) -> None:
    samples = make_samples(descriptions, Teller(), home)
    shutil.rmtree(home.root / "generations")
    result = replayed(samples, OneOther(), machine="another machine")
    assert (result.on_record, result.unexplained) == (0, 1)
    assert "not on record     20: " in str(result)


def test_a_question_in_other_words_explains_a_difference(
    descriptions: Artifact, home: Home, replayed: Callable[..., Replayed], monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = make_samples(descriptions, Teller(), home)
    monkeypatch.setattr("components.core.conversation.SYSTEM_PROMPT", "Whisper.")
    result = replayed(samples, Teller())
    assert (result.identical, result.reasons) == (0, {Reason.WORDS: 20})


def test_another_model_is_refused_and_the_error_says_what_differs() -> None:
    with pytest.raises(ConfigurationError, match=r"not the one that answered: weights a+ → f+; name that model"):
        changes_of(make_generator(), make_generator(weights="f" * 64))


def test_a_larger_part_only_adds_batches_and_another_seed_draws_others(descriptions: Artifact, home: Home) -> None:
    samples = make_samples(descriptions, Teller(), home)
    batches = batches_of(samples, generations_of(home.root / "generations", make_generator(), "m"), 4)
    drawn = [chosen(batches, ReplaySettings(fraction=fraction)) for fraction in (0.01, 0.2, 0.5, 1)]
    assert [len(each) for each in drawn] == [1, 1, 3, 5]
    assert all(set(few) <= set(more) for few, more in pairwise(drawn))
    assert len({chosen(batches, ReplaySettings(fraction=0.2, seed=seed)) for seed in range(9)}) > 1


FLAGS = ["--prompts-per-clip=2", "--max-tokens=12", "--temperature=0.8", "--batch=8", "--window-tokens=256"]


@pytest.mark.usefixtures("home")
def test_the_model_answers_again_in_the_same_bytes(
    llm: StoredModel, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real engine; then with a generator that answers otherwise, which nothing explains."""
    asked_about = make_descriptions(tmp_path / "d", [describe(number) for number in range(6)])
    samples = ["--samples", str(tmp_path / "samples"), "--llm", llm.ref]
    stage.main(["--descriptions", str(asked_about.folder), *samples, *FLAGS])
    capsys.readouterr()

    command.main([*samples, "--fraction=0.3", "--json"])

    report = json.loads(capsys.readouterr().out)
    asked = report["answers"]
    assert asked in {4, 8}
    assert (report["answers_in_result"], report["on_record"], report["batches"]) == (12, asked, 1)
    assert (report["identical"], report["changed"]) == (asked, {})

    real = engine.answerer_of
    monkeypatch.setattr(engine, "answerer_of", lambda *asked: replace(real(*asked), generator=Teller()))
    with pytest.raises(SystemExit) as ended:
        command.main([*samples, "--fraction=0.3"])
    assert ended.value.code == 1
    assert f"unexplained       {asked}\n" in capsys.readouterr().out


@pytest.mark.usefixtures("home")
def test_a_part_that_cannot_be_is_one_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--samples", "s", "--llm", "m", "--fraction=1.5"])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: replay.fraction: ")
