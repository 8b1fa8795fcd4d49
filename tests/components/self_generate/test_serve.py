"""The command line that a server becomes; that it answers is seen in test_stage.py."""

import os
from typing import Any

import pytest

from components.core.models.store import StoredModel
from components.self_generate.serve import main


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the process would have become."""
    seen: dict[str, Any] = {}
    monkeypatch.setattr(os, "execve", lambda _, command, environment: seen.update(command=command, env=environment))
    return seen


@pytest.mark.usefixtures("home")
def test_server_says_what_it_is_and_listens_on_this_machine_only(llm: StoredModel, became: dict[str, Any]) -> None:
    main(["--llm", llm.ref, "--port", "8123", "--window-tokens", "256", "--", "--seed", "1"])
    flags = set(became["command"])
    assert {f"--served-model-name={llm.digest}-float32", "--host=127.0.0.1", "--port=8123"} <= flags
    assert "--tensor-parallel-size=1" in flags
    assert {f"--model={llm.folder}", "--max-model-len=256", "--no-enable-chunked-prefill"} <= flags
    assert became["command"][-2:] == ["--seed", "1"]


@pytest.mark.usefixtures("home")
def test_key_is_handed_on_where_no_list_of_processes_shows_it(
    llm: StoredModel, became: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTA_SERVER_KEY", "open-sesame")
    main(["--llm", llm.ref])
    assert became["env"]["VLLM_API_KEY"] == "open-sesame"
    assert not any("sesame" in word for word in became["command"])


@pytest.mark.usefixtures("home")
def test_model_that_is_not_in_the_store_is_one_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--llm", "pypi://nobody@1.0"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: pypi://nobody@1.0: not in the model store")
