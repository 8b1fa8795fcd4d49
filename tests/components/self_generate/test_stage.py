"""The stage as users start it: with the real model, on a few clips, killed and damaged."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.core.contracts.artifacts import Artifact, open_artifact
from components.core.contracts.records import Sample
from components.core.home import Home
from components.core.models.store import StoredModel
from components.self_generate import generate_shard, merge_shards
from components.self_generate.__main__ import main
from tests.components.self_generate.making import describe, make_descriptions

FLAGS = [
    f"--{name}={value}"
    for name, value in {
        "prompts-per-clip": 2,
        "max-tokens": 12,
        "temperature": 0.8,
        "batch": 8,
        "window-tokens": 256,
    }.items()
]


@pytest.fixture(scope="module")
def descriptions(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """Twelve clips: with two prompts each, three batches of eight."""
    return make_descriptions(tmp_path_factory.mktemp("made") / "d", [describe(number) for number in range(12)])


def arguments(descriptions: Artifact, llm: StoredModel, samples: Path) -> list[str]:
    return ["--descriptions", str(descriptions.folder), "--llm", llm.ref, "--samples", str(samples), *FLAGS]


def start(argv: list[str], home: Path, llm: StoredModel) -> subprocess.Popen[str]:
    """Start the stage in a process of its own, as users do.

    Libraries that other tests load into this process change how sums are split over threads, and so the last digits.
    """
    environment = {**os.environ, "DESTA_HOME": str(home), "DESTA_MODELS": str(llm.folder.parent)}
    command = [sys.executable, "-m", "components.self_generate", *argv]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def run(argv: list[str], home: Path, llm: StoredModel) -> str:
    """Let the stage succeed and return what it told."""
    process = start(argv, home, llm)
    _, told = process.communicate()
    assert process.returncode == 0, told
    return told


@pytest.fixture(scope="module")
def undisturbed(descriptions: Artifact, llm: StoredModel, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """What an undisturbed run makes of them."""
    folder = tmp_path_factory.mktemp("undisturbed")
    run(arguments(descriptions, llm, folder / "samples"), folder / "home", llm)
    return open_artifact(folder / "samples", "samples")


def contents(artifact: Artifact) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in artifact.folder.iterdir()}


def test_every_question_becomes_a_sample(undisturbed: Artifact) -> None:
    samples = list(undisturbed.read(Sample))
    counts = undisturbed.manifest.counts
    assert (counts.rows_in, counts.rows_out, counts.refused) == (24, 24, {})
    assert len({sample.sample_id for sample in samples}) == 24
    assert [sample.clip_id for sample in samples[::2]] == [describe(number).clip_id for number in range(12)]


def test_sample_shows_the_clip_where_the_generator_read_its_description(undisturbed: Artifact) -> None:
    for sample in undisturbed.read(Sample):
        words = " ".join(message.content for message in sample.messages)
        assert words.count("<|AUDIO|>") == 1
        assert sample.prompt in words
        assert sample.seed_description not in words


def test_facts_name_generator_decoding_and_prompt_pools(undisturbed: Artifact) -> None:
    facts, first = undisturbed.manifest.facts, next(iter(undisturbed.read(Sample)))
    assert facts["generator"] == first.generator.model_dump()
    assert facts["decoding"] == {"temperature": 0.8, "top_p": 1.0, "max_tokens": 12, "seed": 42}
    assert set(facts["prompt_pools"]) == {"speech", "sound", "music"}
    assert sum(facts["finish_reasons"].values()) == 24


def test_run_that_is_killed_resumes_and_ends_with_the_same_bytes(
    descriptions: Artifact, llm: StoredModel, undisturbed: Artifact, home: Home
) -> None:
    samples = home.root.parent / "samples"
    argv = arguments(descriptions, llm, samples)
    with start(argv, home.root, llm) as process:
        while not list(home.root.glob("generations/*/*.parquet")):
            assert process.poll() is None, "ended before a batch was kept"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert not samples.exists()
    kept = 8 * len(list(home.root.glob("generations/*/*.parquet")))

    told = run(argv, home.root, llm)

    assert f"24 questions, {kept} answered before, {24 - kept} in " in told
    assert 0 < kept < 24
    assert contents(open_artifact(samples)) == contents(undisturbed)


def test_damaged_batch_is_answered_again_with_the_same_words(
    descriptions: Artifact, llm: StoredModel, undisturbed: Artifact, home: Home
) -> None:
    before = undisturbed.folder.parent / "home" / "generations"
    shutil.copytree(before, home.root / "generations")
    damaged = min(home.root.glob("generations/*/*.parquet"))
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(bytes(data))

    told = run(arguments(descriptions, llm, home.root / "samples"), home.root, llm)

    assert f"{damaged.with_suffix('.corrupt')}: content changed" in told
    assert "24 questions, 16 answered before, 8 in " in told
    assert contents(open_artifact(home.root / "samples")) == contents(undisturbed)


def test_larger_corpus_finds_the_answers_that_are_there(
    llm: StoredModel, undisturbed: Artifact, home: Home, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree(undisturbed.folder.parent / "home" / "generations", home.root / "generations")
    larger = make_descriptions(tmp_path / "larger", [describe(number) for number in (20, *range(12))])
    main(arguments(larger, llm, tmp_path / "samples"))
    assert "26 questions, 24 answered before, 2 in " in capsys.readouterr().err
    known = {sample.sample_id: sample for sample in undisturbed.read(Sample)}
    found = {sample.sample_id: sample for sample in open_artifact(tmp_path / "samples").read(Sample)}
    assert {sample_id: found[sample_id] for sample_id in known} == known


def test_shards_of_the_command_put_together_are_the_bytes_of_the_stage(
    descriptions: Artifact, llm: StoredModel, undisturbed: Artifact, home: Home, tmp_path: Path
) -> None:
    shutil.copytree(undisturbed.folder.parent / "home" / "generations", home.root / "generations")
    for shard in ("0", "1"):
        generate_shard.main([*arguments(descriptions, llm, tmp_path / shard), "--shard", shard, "--shards", "2"])
    shards = [f"--shard={tmp_path / shard}" for shard in ("0", "1")]
    places = ["--descriptions", str(descriptions.folder), "--samples", str(tmp_path / "samples")]
    merge_shards.main([*places, *shards])
    assert contents(open_artifact(tmp_path / "samples")) == contents(undisturbed)


@pytest.mark.usefixtures("home")
def test_artifact_without_descriptions_is_one_clear_error(
    llm: StoredModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = make_descriptions(tmp_path / "empty", [])
    with pytest.raises(SystemExit) as ended:
        main(arguments(empty, llm, tmp_path / "samples"))
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {empty.folder}: holds no descriptions")


@pytest.mark.usefixtures("home")
def test_more_prompts_than_the_pool_has_is_one_clear_error(
    descriptions: Artifact, llm: StoredModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*arguments(descriptions, llm, tmp_path / "samples"), "--prompts-per-clip", "9999"])
    assert ended.value.code == 2
    assert "sound prompts a clip: the pool has" in capsys.readouterr().err
    assert not (tmp_path / "samples").exists()


@pytest.fixture(scope="module")
def server(llm: StoredModel) -> Iterator[str]:
    """A real server; that it starts is most of what these tests cost."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "DESTA_MODELS": str(llm.folder.parent)}
    flags = [f"--llm={llm.ref}", f"--port={port}", "--window-tokens=256", "--at-once=8"]
    command = [sys.executable, "-m", "components.self_generate.serve", *flags]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def served(
    server: str, descriptions: Artifact, llm: StoredModel, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Artifact, Path]:
    """What the same questions become with the server, and in which home; the stage waits for it to start.

    A second server is named that is never there: all its questions are for the first.
    """
    folder = tmp_path_factory.mktemp("served")
    patience = ["--server", f"http://127.0.0.1:9,{server}", "--retries", "30"]
    run([*arguments(descriptions, llm, folder / "samples"), *patience], folder / "home", llm)
    return open_artifact(folder / "samples", "samples"), folder / "home"


def test_server_gives_the_samples_of_the_engine_in_one_process(
    undisturbed: Artifact, served: tuple[Artifact, Path]
) -> None:
    """What is computed together differs: so may a likelihood's last digit, and a word where two are equally likely."""
    here, there = list(undisturbed.read(Sample)), list(served[0].read(Sample))
    assert [sample.sample_id for sample in there] == [sample.sample_id for sample in here]
    alike = [(a, b) for a, b in zip(here, there, strict=True) if a.response == b.response]
    assert len(alike) >= 22
    for a, b in alike:
        assert (a.finish_reason, a.response_tokens) == (b.finish_reason, b.response_tokens)
        assert a.nll_per_token == pytest.approx(b.nll_per_token, abs=1e-4)


def test_result_of_a_server_is_found_without_it(
    descriptions: Artifact, llm: StoredModel, served: tuple[Artifact, Path], tmp_path: Path
) -> None:
    samples, home = served
    run(arguments(descriptions, llm, tmp_path / "again"), home, llm)
    assert contents(open_artifact(tmp_path / "again")) == contents(samples)
