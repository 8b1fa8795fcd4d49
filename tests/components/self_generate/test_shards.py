"""Several processes make the samples of one run, and put together they are the same bytes."""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from components.core.contracts.artifacts import Artifact, Draft, open_artifact
from components.core.contracts.errors import ConfigurationError, ContractError
from components.core.contracts.records import GeneratorIdentity, Sample
from components.core.execution import execute
from components.core.home import Home
from components.self_generate.generation import Asked, Reply
from components.self_generate.merge_shards import main
from components.self_generate.settings import ShardSettings
from components.self_generate.shards import SHARD, job_of, merge, open_shards
from tests.builders import make_generator
from tests.components.self_generate.making import (
    SETTINGS,
    Teller,
    describe,
    make_descriptions,
    make_samples,
)


@pytest.fixture
def descriptions(tmp_path: Path) -> Artifact:
    """Eleven clips: with two prompts each, six batches, the last one of two."""
    return make_descriptions(tmp_path / "d", [describe(number) for number in range(11)])


def make_shard(
    descriptions: Artifact,
    home: Home,
    shard: int,
    shards: int,
    identity: GeneratorIdentity | None = None,
    teller: Teller | None = None,
    **changes: int,
) -> Artifact:
    settings = ShardSettings(**{**SETTINGS.model_dump(), "shard": shard, "shards": shards, **changes})
    return make_samples(descriptions, teller or Teller(), home, settings=settings, identity=identity)


def put_together(shards: Sequence[Path], descriptions: Artifact, samples: Path) -> Artifact:
    main(
        [
            *("--descriptions", str(descriptions.folder), "--samples", str(samples)),
            *(word for shard in shards for word in ("--shard", str(shard))),
        ]
    )
    return open_artifact(samples, "samples")


def contents(artifact: Artifact) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in artifact.folder.iterdir()}


@pytest.mark.parametrize("count", [1, 2, 4, 7])
def test_shards_put_together_are_the_bytes_of_a_run_without_shards(
    count: int, descriptions: Artifact, home: Home, tmp_path: Path
) -> None:
    homes = [Home(tmp_path / f"machine-{number}") for number in range(count)]
    shards = [make_shard(descriptions, homes[number], number, count) for number in range(count)]

    samples = put_together([shard.folder for shard in reversed(shards)], descriptions, tmp_path / "samples")

    assert contents(samples) == contents(make_samples(descriptions, Teller(), Home(tmp_path / "alone")))
    assert sum(shard.manifest.counts.rows_out for shard in shards) == 22
    teller = Teller()
    found = make_samples(descriptions, teller, home)
    assert (found.digest, teller.asked) == (samples.digest, [])


class Killed(Teller):
    """Takes its process down in the second batch."""

    def generate(self, questions: Sequence[Asked]) -> list[Reply]:
        if self.batches:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().generate(questions)


def test_a_shard_that_is_killed_goes_on_where_it_was(descriptions: Artifact, home: Home, tmp_path: Path) -> None:
    worker = multiprocessing.get_context("fork").Process(
        target=make_shard, args=(descriptions, home, 0, 2), kwargs={"teller": Killed()}
    )
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL

    teller = Teller()
    first = make_shard(descriptions, home, 0, 2, teller=teller)
    second = make_shard(descriptions, Home(tmp_path / "other"), 1, 2)

    assert len(teller.asked) == 12 - 4
    samples = put_together([first.folder, second.folder], descriptions, tmp_path / "samples")
    assert contents(samples) == contents(make_samples(descriptions, Teller(), Home(tmp_path / "alone")))


def test_a_shard_is_not_taken_for_the_samples(descriptions: Artifact, home: Home) -> None:
    shard = make_shard(descriptions, home, 0, 2)
    with pytest.raises(ContractError, match="holds samples_shard, want samples"):
        open_artifact(shard.folder, "samples")


def test_what_does_not_fit_together_is_one_clear_line(
    descriptions: Artifact, home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zero, one = (make_shard(descriptions, home, number, 2).folder for number in range(2))
    newer = make_generator(engine_version="0.33.0")
    other = make_descriptions(tmp_path / "other", [describe(number) for number in range(3)])
    a_home = Home(tmp_path / "another")
    wrong = {
        "shard 1 of 2 is missing": [zero],
        "is shard 0, and so is": [zero, zero, one],
        "setting shards is 3, in": [zero, one, make_shard(descriptions, home, 2, 3).folder],
        "setting max_tokens is 13, in": [zero, make_shard(descriptions, home, 1, 2, max_tokens=13).folder],
        "generator engine_version is 0.33.0, in": [zero, make_shard(descriptions, a_home, 1, 2, newer).folder],
        "the digest of the descriptions is": [zero, make_shard(other, home, 1, 2).folder],
        "was not made from": [make_shard(other, home, 0, 1).folder],
        "holds samples, want samples_shard": [make_samples(descriptions, Teller(), home).folder],
        "no manifest.json": [tmp_path / "nothing"],
    }
    capsys.readouterr()
    for line, folders in wrong.items():
        with pytest.raises(SystemExit) as ended:
            put_together(folders, descriptions, tmp_path / "samples")
        said = capsys.readouterr().err
        assert ended.value.code in {1, 2}
        assert line in said, said
        assert said.count("\n") == 1
    assert not (tmp_path / "samples").exists()


def test_shards_of_other_code_are_refused(descriptions: Artifact, home: Home) -> None:
    shard = make_shard(descriptions, home, 0, 1)
    lineage = shard.manifest.lineage.model_copy(update={"code": "c" * 64})
    old = replace(shard, manifest=shard.manifest.model_copy(update={"lineage": lineage}))
    with pytest.raises(ConfigurationError, match="was made by other code; make the shards again"):
        job_of([old], descriptions)


@pytest.mark.parametrize(
    ("rows", "error"),
    [([0, 1, 3], "holds .* where the plan has"), ([0, 1], "ends where"), ([0, 1, 2, 3, 0], "after all")],
)
def test_a_shard_with_other_rows_than_the_plan_is_found_out(
    rows: list[int], error: str, home: Home, tmp_path: Path
) -> None:
    descriptions = make_descriptions(tmp_path / "two", [describe(number) for number in range(2)])
    shard = make_shard(descriptions, home, 0, 1)
    samples, lineage = list(shard.read(Sample)), shard.manifest.lineage
    (tmp_path / "forged").mkdir()
    draft = Draft(tmp_path / "forged")
    draft.write([samples[row] for row in rows], Sample)
    draft.close(kind=SHARD, counts=shard.manifest.counts, facts=shard.manifest.facts, lineage=lineage)

    shards = open_shards([tmp_path / "forged"])
    with pytest.raises(ContractError, match=error):
        execute(job_of(shards, descriptions), tmp_path / "s", home, lambda place: merge(shards, descriptions, place))
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("numbers", [{"shard": 2, "shards": 2}, {"shard": -1, "shards": 2}, {"shards": 0}])
def test_a_shard_that_cannot_be_is_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="shard"):
        ShardSettings(**numbers)
