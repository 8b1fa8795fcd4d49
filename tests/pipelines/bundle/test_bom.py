"""The bill of materials holds to the schema, strictly, and names what a model is made of."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from components.core.digests import digest_of_bytes
from components.core.home import Home
from pipelines.bundle.contents import BOM
from pipelines.bundle.ended import read_ended
from tests.pipelines.bundle.making import make_ended_run
from tests.pipelines.results import FIGURES


@pytest.fixture
def bom(bundle: Path) -> Any:
    return json.loads((bundle / BOM).read_text())


def components(bom: Any, kind: str) -> dict[str, Any]:
    return {component["name"]: component for component in bom["components"] if component["type"] == kind}


def licences(component: Any) -> list[str]:
    return [entry["license"].get("id") or entry["license"]["name"] for entry in component.get("licenses", [])]


def test_it_is_valid_to_the_letter(bundle: Path) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    text = (bundle / BOM).read_text()
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"modelParameters"', '"modelParametres"')) is not None


def test_the_model_has_a_card_with_its_data_figures_and_limits(bom: Any, bundle: Path) -> None:
    digests = json.loads((bundle / "bundle.json").read_text())["results"]
    adapter = components(bom, "machine-learning-model")["desta-adapter"]
    assert adapter["version"] == "3"
    assert adapter["hashes"] == [{"alg": "SHA-256", "content": digests["model"]}]
    assert {"alg": "SHA-256", "content": digest_of_bytes(b"weights")} in adapter["components"][1]["hashes"]
    card = adapter["modelCard"]
    assert card["modelParameters"]["datasets"] == [{"ref": f"dataset:{digests['accepted']}"}]
    assert "qformer_layers 2, queries 16" in card["modelParameters"]["modelArchitecture"]
    metrics = {metric["type"]: metric for metric in card["quantitativeAnalysis"]["performanceMetrics"]}
    assert metrics["audio_gain"]["value"] == str(FIGURES["audio_gain"])
    assert metrics["audio_gain"]["confidenceInterval"] == {"lowerBound": "0.1", "upperBound": "0.2"}
    assert set(metrics) == {"ppl_untrained", "ppl_trained", "ppl_wrong_clip", "audio_gain"}
    assert {"name": "desta:train_model.steps", "value": "6"} in card["properties"]
    assert len(card["considerations"]["technicalLimitations"]) > 2


def test_the_frozen_models_have_their_hashes_licences_and_addresses(bom: Any) -> None:
    models = components(bom, "machine-learning-model")
    encoder, llm = models["hf://openai/whisper-tiny@main"], models["pypi://a@1"]
    assert (licences(encoder), encoder["purl"]) == (["MIT"], "pkg:huggingface/openai/whisper-tiny@main")
    assert (licences(llm), llm["purl"]) == (["X-1"], "pkg:pypi/a@1")
    (file,) = llm["components"]
    assert file["hashes"] == [{"alg": "SHA-256", "content": digest_of_bytes(b"pypi://a@1")}]


def test_data_have_the_licences_of_their_clips(bom: Any) -> None:
    data = components(bom, "data")
    dataset = next(component for name, component in data.items() if name.startswith("desta-"))
    assert licences(dataset) == ["CC-BY-SA-3.0", "CC0-1.0", "LicenseRef-Bells"]
    assert {name: licences(data[name]) for name in ("farm", "voices", "bells")} == {
        "farm": ["CC0-1.0"],
        "voices": ["CC-BY-SA-3.0"],
        "bells": ["LicenseRef-Bells"],
    }
    assert data["bells"]["copyright"] == "The tower"
    needs = {entry["ref"]: set(entry.get("dependsOn", [])) for entry in bom["dependencies"]}
    assert needs[dataset["bom-ref"]] == {"corpus:bells", "corpus:farm", "corpus:voices", "model:llm"}


def test_every_library_has_its_address(bom: Any, bundle: Path) -> None:
    installed = json.loads((bundle / "environment.json").read_text())["distributions"]
    libraries = components(bom, "library")
    assert libraries.keys() == installed.keys()
    assert libraries["torch"]["purl"] == f"pkg:pypi/torch@{installed['torch'].replace('+', '%2B')}"


def test_another_process_writes_the_same_bytes(bundle: Path, home: Home) -> None:
    """The order of sets is another one in each process."""
    code = (
        "import json, sys; from pathlib import Path; from pipelines.bundle.bom import bom_text; "
        "from pipelines.bundle.ended import read_ended; run = Path(sys.argv[1]); "
        "libraries = json.loads((run / 'environment.json').read_bytes())['distributions']; "
        "sys.stdout.write(bom_text(read_ended(run), Path(sys.argv[2]), libraries))"
    )
    command = [sys.executable, "-c", code, str(bundle.parent), str(home.models)]
    for seed in ("1", "2"):
        done = subprocess.run(
            command, env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        assert done.stdout == (bundle / BOM).read_bytes()


def test_a_model_that_the_store_does_not_know_has_its_digest_alone(home: Home) -> None:
    run_dir = make_ended_run(home)
    digest = read_ended(run_dir).models["llm"]
    (home.models / digest / "model.json").unlink()
    from pipelines.bundle.bom import bom_text

    model = components(json.loads(bom_text(read_ended(run_dir), home.models, {})), "machine-learning-model")
    assert licences(model[f"model {digest}"]) == []
