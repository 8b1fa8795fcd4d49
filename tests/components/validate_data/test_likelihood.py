"""Whether the backbone wrote the answers: its own beside those of another language model, read by the real backbone."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.core.contracts.artifacts import Artifact
from components.core.contracts.records import Clip, Domain, Sample
from components.core.home import Home
from components.core.models.store import StoredModel
from tests.builders import make_clip, make_sample, make_source, make_tone
from tests.components.validate_data.making import refuse, validate, write_inputs

PAIRS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("two_writers.yaml").read_text(encoding="utf-8"))
SHOWN = "rules.default.max_time_stamp_excess_s=30"


def judged(home: Home, writer: str, **claim: Any) -> Artifact:
    """Validate the answers of one writer, each about a clip of its own, and measure all of them."""
    pairs = list(zip(PAIRS, _clips(), strict=True))
    samples = [_sample(pair, clip, writer, claim) for pair, clip in pairs]
    inputs = write_inputs(home.root / writer, samples, [clip for _, clip in pairs])
    decide = validate if writer == "backbone" else refuse
    return decide(inputs, home, "--measured-answers", str(len(samples)), "--thresholds", SHOWN)


def _clips() -> Iterable[Clip]:
    for number, pair in enumerate(PAIRS):
        tone = make_tone(hertz=200.0 + number)
        yield make_clip(pcm=tone, domain=Domain(pair["domain"]), source=make_source(source_id=f"test/{number}"))


def _sample(pair: dict[str, Any], clip: Clip, writer: str, claim: dict[str, Any]) -> Sample:
    asked = {name: pair[name] for name in ("prompt", "seed_description")}
    values = {"response": pair[writer], "nll_per_token": pair["nll_per_token"], "domain": clip.domain, **claim}
    return make_sample(clip_id=clip.clip_id, **asked, **values)


@pytest.fixture(scope="module")
def results(llm: StoredModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    """Both validations, in one home; the other model claims to be as sure of its answers as the backbone was."""
    home = Home(tmp_path_factory.mktemp("writers"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESTA_HOME", str(home.root))
        patch.setenv("DESTA_MODELS", str(llm.folder.parent))
        return {writer: judged(home, writer) for writer in ("backbone", "other")}


def test_text_of_the_backbone_sits_low_and_that_of_another_model_clearly_higher(results: dict[str, Artifact]) -> None:
    own, other = (results[writer].manifest.facts for writer in ("backbone", "other"))
    assert own["measured_answers"] == other["measured_answers"] == len(PAIRS) == 12
    assert own["measured_nll_per_token"] < 1.5
    assert other["measured_nll_per_token"] > 2 * own["measured_nll_per_token"]


def test_the_gate_tells_them_apart(results: dict[str, Artifact]) -> None:
    assert results["backbone"].manifest.facts["refusals"] == []
    unlikely, untrue = results["other"].manifest.facts["refusals"]
    assert unlikely.startswith("the backbone gives 12 accepted answers ")
    assert "another LLM wrote them" in unlikely
    assert untrue.startswith("what the generator says of an answer and what the backbone measures differ by ")


def test_what_the_engine_said_of_its_answers_is_what_is_measured(results: dict[str, Artifact]) -> None:
    assert results["backbone"].manifest.facts["greatest_nll_difference"] < 0.01
