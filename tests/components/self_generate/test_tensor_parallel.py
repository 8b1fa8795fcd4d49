"""A model over several GPUs: what cannot be is said before anything is loaded, and what can is what vLLM is told."""

import re
from pathlib import Path

import pytest
import torch
from vllm.engine.arg_utils import EngineArgs

from components.core.contracts.errors import ConfigurationError
from components.core.models.store import StoredModel
from components.self_generate import serve
from components.self_generate.engine import answerer_of
from components.self_generate.settings import SelfGenerateSettings
from components.self_generate.tensor_parallel import check_parallel
from components.self_generate.vllm_generator import engine_options, vllm_machine


@pytest.fixture
def config_alone(llm: StoredModel, tmp_path: Path) -> StoredModel:
    """The backbone without its weights: nine attention heads, three of them for keys and values."""
    (tmp_path / "config.json").write_bytes((llm.folder / "config.json").read_bytes())
    return StoredModel(llm.ref, tmp_path, llm.digest)


@pytest.mark.parametrize("gpus", [2, 4, 6, 18, 0, -1])
def test_heads_that_cannot_be_shared_evenly_are_one_line_with_the_numbers_that_go(
    config_alone: StoredModel, gpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 64)
    line = (
        f"9 attention heads, 3 of them for keys and values, which {gpus} GPUs cannot share evenly; take one of 1, 3, 9"
    )
    with pytest.raises(ConfigurationError, match=f"^self_generate.tensor_parallel: .*{re.escape(line)}$"):
        answerer_of(config_alone, SelfGenerateSettings.model_construct(tensor_parallel=gpus))


def test_gpus_that_are_not_there_are_one_line_before_the_model_is_loaded(
    config_alone: StoredModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ConfigurationError, match=r"3 GPUs are asked for, and this machine has 2$"):
        answerer_of(config_alone, SelfGenerateSettings(tensor_parallel=3))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    check_parallel(config_alone, 3)


@pytest.mark.usefixtures("home")
def test_a_server_says_the_same_before_it_starts(llm: StoredModel, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        serve.main(["--llm", llm.ref, "--tensor-parallel", "2"])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: self_generate.tensor_parallel: ")


def test_vllm_takes_the_number(llm: StoredModel) -> None:
    engine = EngineArgs(model=str(llm.folder), **engine_options("float32", 8, 256, 3))
    assert engine.tensor_parallel_size == 3


def test_the_machine_of_an_answer_tells_how_many_computed_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "A GPU")
    assert (vllm_machine.__wrapped__(1), vllm_machine.__wrapped__(4)) == ("A GPU", "A GPU, 4 of them")
