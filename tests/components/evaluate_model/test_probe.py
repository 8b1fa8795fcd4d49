import json
from pathlib import Path
from typing import Any

import pytest
import torch

from components.core.contracts.records import Record
from components.core.models.decoding import nll_of_each
from components.core.models.loading import load_llm
from components.core.models.store import LLM, StoredModel
from components.evaluate_model.probe import main
from tests.builders import make_description
from tests.components.evaluate_model.benchmarks.test_desta_sample import ANIMALS
from tests.components.evaluate_model.test_stage import closed

pytestmark = pytest.mark.usefixtures("home")


def inputs(folder: Path, *, truly: bool) -> list[str]:
    """Clips of animals, described as what they are or as nothing."""
    told: list[Record] = [
        make_description(
            clip_id=clip.clip_id,
            seed_description=f"[00:00-00:01] (Sound event: {clip.attributes['sound_event'] if truly else 'a sound'})",
        )
        for clip in ANIMALS
    ]
    for name in ("clips", "descriptions"):
        (folder / name).mkdir(parents=True)
    clips: list[Record] = list(ANIMALS)
    return [
        f"--clips={closed(folder / 'clips', 'clips', clips)}",
        f"--descriptions={closed(folder / 'descriptions', 'descriptions', told)}",
    ]


def probe(given: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    main([f"--llm={LLM}", *given, "--json"])
    shown: dict[str, Any] = json.loads(capsys.readouterr().out)
    return {figure["name"]: figure["value"] for figure in shown["figures"]}


@pytest.mark.usefixtures("llm")
def test_a_backbone_says_what_it_reads_and_not_what_it_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read = probe(inputs(tmp_path / "true", truly=True), capsys)
    blind = probe(inputs(tmp_path / "blind", truly=False), capsys)
    assert read["kind: sound event"] == 1.0
    assert blind["kind: sound event"] < 1.0


def test_a_continuation_is_as_likely_as_when_it_is_read_with_its_beginning(llm: StoredModel) -> None:
    model = load_llm(llm.folder)
    words = model.get_input_embeddings()
    beginning, targets = [504, 1380, 3092], [[9, 17], [25], [33, 41, 49]]
    found = nll_of_each(model, words(torch.tensor([beginning])), targets)
    for target, nll in zip(targets, found, strict=True):
        ids = torch.tensor([[*beginning, *target]])
        with torch.inference_mode():
            logprobs = model(ids).logits[0, len(beginning) - 1 : -1].log_softmax(-1)
        assert nll == pytest.approx(-float(logprobs[range(len(target)), target].sum()), rel=1e-4)


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = inputs(tmp_path, truly=True)
    for argv, code, complaint in (
        ([f"--llm={LLM}", *given, "--items=0"], 2, "--items 0: want 1 at least"),
        ([f"--llm={LLM}", given[0], f"--descriptions={tmp_path / 'clips'}"], 1, "holds clips, want descriptions"),
        (["--llm=pypi://nothing@1", *given], 2, "pypi://nothing@1: not in the model store"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(argv)
        assert ended.value.code == code
        (line,) = capsys.readouterr().err.splitlines()
        assert complaint in line
