"""The pipeline of shards runs on this machine too, and what it puts together is the result of the plain stage."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from kfp import compiler, dsl

from components.core.contracts.artifacts import Artifact, open_artifact
from components.core.execution import Job, Outcome, Workplace, execute
from components.core.home import Home
from components.core.models.store import LLM, StoredModel
from components.core.runs import State, read_stage, write_run
from components.core.stages import stage_named
from components.self_generate.component import generate_shard, merge_shards
from components.self_generate.generate_shard import parser as shard_parser
from components.self_generate.generations import generations_of, in_use
from components.self_generate.merge_shards import parser as merge_parser
from components.self_generate.settings import SelfGenerateSettings, ShardSettings
from components.self_generate.shards import SHARD
from components.self_generate.stage import plan_of, self_generate
from pipelines.cluster.graph import in_shards
from pipelines.execute import execute_compiled
from tests.builders import make_generator
from tests.components.self_generate.making import SETTINGS, Teller, describe, make_descriptions
from tests.pipelines.cluster.making import make_cluster
from tests.pipelines.results import make_run_record

ROOT = Path(__file__).parents[3]


def answered(descriptions: Artifact, llm: StoredModel, settings: SelfGenerateSettings, home: Home) -> Artifact:
    """Make samples, or a shard of them, of the stored model, but with answers that take no time."""
    stage = stage_named("self_generate")
    job = Job(
        stage=replace(stage, output=SHARD) if isinstance(settings, ShardSettings) else stage,
        settings=settings,
        inputs={"descriptions": descriptions},
        models={"llm": llm.digest},
    )

    def work(place: Workplace) -> Outcome:
        plan = plan_of(descriptions, settings, make_generator())
        with in_use(home.root / "generations"):
            kept = generations_of(home.root / "generations", make_generator(), "a machine")
            return self_generate(plan, Teller(), kept, place)

    name = getattr(settings, "shard", "whole")
    return execute(job, home.root / "made" / str(name), home, work)


def test_shards_under_kfp_local_are_merged_to_the_bytes_of_the_plain_stage(
    llm: StoredModel, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptions = make_descriptions(tmp_path / "descriptions", [describe(number) for number in range(11)])
    whole = answered(descriptions, llm, SETTINGS, Home(tmp_path / "other"))
    # The tasks find these shards by their keys: any other question would start the engine, and answer otherwise.
    for number in range(3):
        settings = ShardSettings(**{**SETTINGS.model_dump(), "shard": number, "shards": 3})
        answered(descriptions, llm, settings, home)

    _execute(tmp_path, monkeypatch, descriptions, shards=3)

    merged = open_artifact(home.store / "self_generate" / whole.manifest.lineage.key, "samples")
    assert merged.digest == whole.digest
    assert merged.manifest.counts.rows_out == 22
    parts = sorted(file.name for file in (tmp_path / "run" / "stages").iterdir())
    assert parts == [*(f"self_generate.{number}.json" for number in range(3)), "self_generate.json"]
    record = read_stage(tmp_path / "run", "self_generate")
    assert record is not None
    assert (record.state, record.rows_out, record.reused) == (State.SUCCEEDED, 22, False)
    assert record.outputs["samples"].digest == whole.digest


def _execute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, descriptions: Artifact, shards: int) -> None:
    # Kubeflow's local runner indents `print` while a task runs; the threads of a loop undo that out of turn.
    monkeypatch.setattr("builtins.print", print)
    cluster = make_cluster(tmp_path, shards=shards)
    in_parts = in_shards(cluster, lambda task, *_: task)

    def graph(descriptions: str, llm: str, settings: dict) -> None:  # type: ignore[type-arg]
        known = dsl.importer(artifact_uri=descriptions, artifact_class=dsl.Dataset)
        in_parts(descriptions=known.output, llm=llm, settings=settings)

    compiler.Compiler().compile(dsl.pipeline(name="shards")(graph), str(tmp_path / "shards.yaml"))
    parameters = {"descriptions": str(descriptions.folder), "llm": LLM, "settings": SETTINGS.model_dump(mode="json")}
    write_run(tmp_path / "run", make_run_record(parameters=parameters))
    monkeypatch.setenv("DESTA_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    monkeypatch.setattr(sys, "executable", sys.executable)  # it is changed, and set back after the test
    execute_compiled(tmp_path / "shards.yaml", tmp_path / "run")


def test_the_components_of_shards_speak_their_command_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[list[str]] = []
    monkeypatch.setattr("components.self_generate.generate_shard.main", heard.append)
    monkeypatch.setattr("components.self_generate.merge_shards.main", heard.append)
    descriptions, samples = dsl.Dataset(uri="/in/descriptions"), dsl.Dataset(uri="/out/samples")
    generate_shard.python_func(descriptions, "hf://org/llm@1", {"batch": 4.0}, 1, 3, samples)
    merge_shards.python_func(descriptions, [dsl.Dataset(uri="/a"), dsl.Dataset(uri="/b")], samples)
    shard, merge = shard_parser().parse_args(heard[0]), merge_parser().parse_args(heard[1])
    assert (shard.shard, shard.shards, shard.batch, shard.llm) == ("1", "3", "4", "hf://org/llm@1")
    assert merge.shard == [Path("/a"), Path("/b")]
    assert shard.samples == merge.samples == Path("/out/samples")
