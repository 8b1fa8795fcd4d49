"""The compiled graph is the table of stages, and each wrapper speaks its stage's command line."""

import importlib
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from components.core.settings import checked, given
from components.core.stages import STAGES, Stage
from pipelines.alignment import compile_alignment
from pipelines.profiles import sample

Graph = dict[str, Any]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    file = tmp_path_factory.mktemp("compiled") / "alignment.yaml"
    compile_alignment(file)
    compiled: Graph = yaml.safe_load(file.read_text())
    return compiled


def _task(stage: Stage) -> str:
    return stage.name.replace("_", "-")


def test_the_graph_has_the_six_stages_and_nothing_else(graph: Graph) -> None:
    assert set(graph["root"]["dag"]["tasks"]) == {_task(stage) for stage in STAGES}


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_the_edges_of_the_graph_are_those_of_the_table(graph: Graph, stage: Stage) -> None:
    task = graph["root"]["dag"]["tasks"][_task(stage)]
    makers = {maker.name: maker for maker in STAGES}
    edges = {
        word: (source["taskOutputArtifact"]["producerTask"], source["taskOutputArtifact"]["outputArtifactKey"])
        for word, source in task["inputs"].get("artifacts", {}).items()
    }
    assert edges == {word: (_task(makers[maker]), makers[maker].output) for word, maker in stage.inputs.items()}
    # An order without data would be a dependency that no artifact shows.
    assert set(task.get("dependentTasks", [])) == {producer for producer, _ in edges.values()}


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_component_has_the_inputs_models_and_output_of_the_table(graph: Graph, stage: Stage) -> None:
    component = graph["components"][f"comp-{_task(stage)}"]
    parameters = {"corpora", "data_revision", "settings"} if stage.reads_corpora else {*stage.models, "settings"}
    assert set(component["inputDefinitions"]["parameters"]) == parameters
    assert set(component["inputDefinitions"].get("artifacts", {})) == set(stage.inputs)
    assert set(component["outputDefinitions"]["artifacts"]) == {stage.output}


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_each_stage_gets_its_own_settings_and_no_secret_travels(graph: Graph, stage: Stage) -> None:
    parameters = graph["root"]["dag"]["tasks"][_task(stage)]["inputs"]["parameters"]
    assert parameters["settings"] == {"componentInputParameter": f"{stage.name}_settings"}
    for model in stage.models:
        assert parameters[model] == {"componentInputParameter": model}


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_no_task_installs_anything_when_it_starts(graph: Graph, stage: Stage) -> None:
    executors = graph["deploymentSpec"]["executors"]
    container = executors[graph["components"][f"comp-{_task(stage)}"]["executorLabel"]]["container"]
    assert "pip install" not in " ".join(container["command"])
    assert stage.name.replace("_", "-") in container["image"]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_the_wrapper_speaks_the_command_line(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    command = importlib.import_module(f"components.{stage.name}.__main__")
    settings = sample().settings(stage.name)
    artifacts = {word: SimpleNamespace(path=f"/in/{word} of {stage.name}") for word in stage.inputs}
    models = {model: f"hf://org/{model}@1" for model in stage.models}
    corpora: dict[str, Any] = {"corpora": ["/a b", "/c"], "data_revision": "r"} if stage.reads_corpora else {}
    output = {stage.output: SimpleNamespace(path="/out")}
    argv = _argv_of(stage, command, monkeypatch, {**artifacts, **models, **corpora, **output, "settings": settings})
    args = command.parser().parse_args(argv)
    for word, artifact in {**artifacts, **output}.items():
        assert getattr(args, word) == Path(artifact.path)
    assert {model: getattr(args, model) for model in stage.models} == models
    assert not stage.reads_corpora or args.corpus == [Path("/a b"), Path("/c")]
    assert checked(stage.name, type(settings), given(args, type(settings))) == settings


def _argv_of(
    stage: Stage, command: ModuleType, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any]
) -> list[str]:
    """Call the wrapper as KFP does, every number a float, and return the command line that it makes."""
    heard: list[list[str]] = []
    monkeypatch.setattr(command, "main", heard.append)
    component = getattr(importlib.import_module(f"components.{stage.name}.component"), stage.name)
    values = arguments["settings"].model_dump(mode="json")
    floats = {k: float(v) if isinstance(v, int) and not isinstance(v, bool) else v for k, v in values.items()}
    component.python_func(**{**arguments, "settings": floats})
    assert len(heard) == 1
    return heard[0]
