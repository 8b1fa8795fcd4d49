"""Whoever finds a trained model reads what it is made of, what it learned from, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard, ModelCardData

from components.core.contracts.artifacts import Artifact, Draft, Lineage, Tally, open_artifact
from components.core.contracts.errors import ContractError
from components.core.contracts.records import Record, Split
from components.core.models.lora import LoraConfig
from components.core.models.model_artifact import ModelConfig
from components.core.models.store import ModelManifest
from components.train_model.card import Training, model_card
from components.train_model.learned_from import learned_from
from components.train_model.settings import TrainModelSettings
from tests.builders import make_clip, make_generator, make_sample, make_source, make_tone
from tests.core.models.test_adapter import make_config


def write(folder: Path, rows: Sequence[Record], facts: Mapping[str, Any]) -> Artifact:
    folder.mkdir()
    draft = Draft(folder)
    draft.write(rows, type(rows[0]))
    lineage = Lineage(stage="x", key="1" * 64, code="2" * 64, settings={}, inputs={}, models={}, sources={})
    draft.close(kind="x", counts=Tally().counts(), facts=facts, lineage=lineage)
    return open_artifact(folder)


@pytest.fixture
def training(tmp_path: Path) -> Training:
    """Two corpora to learn from and one that is kept for evaluation; the third of four steps became the model."""
    parts = (
        ("birds", "CC0-1.0", None, Split.TRAIN),
        ("readers", "CC-BY-SA-3.0", "es-MX", Split.TRAIN),
        ("readers", "LicenseRef-Bells", "es-ES", Split.VALIDATION),
        ("kept", "GPL-3.0-only", "it", Split.EVALUATION),
    )
    clips = [
        make_clip(
            pcm=make_tone(hertz=300.0 + 50 * n), source=make_source(corpus=corpus), licence=licence, language=language
        )
        for n, (corpus, licence, language, _) in enumerate(parts)
    ]
    samples = [
        make_sample(clip_id=clip.clip_id, prompt=prompt, split=split)
        for clip, (*_, split) in zip(clips, parts, strict=True)
        for prompt in ("What?", "Where?")
    ]
    told = {"corpora": {"readers": {"attribution": "Read by Ana | and others"}, "birds": {"attribution": ""}}}
    accepted = write(tmp_path / "accepted", samples, {})
    config = ModelConfig(
        adapter=make_config(),
        max_transcript_tokens=100,
        encoder="e" * 64,
        llm="d" * 64,
        backbone=make_generator(),
        accepted=accepted.digest,
        steps=3,
        llm_ref="hf://org/words@main",
    )
    losses: tuple[dict[str, float], ...] = (
        {},
        {"validation_loss": 2.5},
        {"validation_loss": 2.0},
        {"validation_loss": 2.25},
    )
    return Training(
        config=config,
        encoder=ModelManifest(ref="/home/somebody/ear", licence="MIT", files=(), digest="e" * 64),
        llm=ModelManifest(ref="hf://org/words@main", licence="Apache-2.0", files=(), digest="d" * 64),
        data=learned_from(accepted, write(tmp_path / "clips", clips, told)),
        settings=TrainModelSettings(steps=4).deciding(),
        code="c" * 64,
        parameters=131_540_224,
        steps=[{"step": n, "loss": 4.0 - n, **seen} for n, seen in enumerate(losses)],
    )


def header_of(card: str) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return values


def test_the_card_says_what_the_model_was_made_for_and_what_its_recordings_ask(training: Training) -> None:
    training.data.corpora["readers"].consent = ("research",)
    assert (
        "## Terms\n"
        "- Made for research use.\n"
        "- Name whom the recordings ask to name: CC-BY-SA-3.0.\n"
        "- Share alike: pass adaptations on under the same licence: CC-BY-SA-3.0.\n"
        "- Speakers of readers agreed to: research.\n"
    ) in model_card(training)


def test_the_header_files_the_model_by_licences_base_language_and_result(training: Training) -> None:
    header = header_of(model_card(training))

    assert header["license"] == ["apache-2.0", "cc-by-sa-3.0", "cc0-1.0", "mit"]
    assert header["base_model"] == ["org/words"]
    assert header["language"] == ["es"]
    assert header["pipeline_tag"] == "audio-text-to-text"
    assert header["datasets"] == [f"desta-{training.data.accepted[:12]}"]


def test_the_hub_reads_the_header_and_its_result(training: Training) -> None:
    data = ModelCard(model_card(training)).data

    assert isinstance(data, ModelCardData)
    assert data.eval_results is not None
    (result,) = data.eval_results
    assert (result.metric_type, result.metric_value) == ("perplexity", 7.389)
    assert (result.dataset_split, result.task_type) == ("validation", "audio-text-to-text")
    assert data.base_model == ["org/words"]


def test_what_was_not_measured_is_not_claimed(training: Training) -> None:
    unseen = replace(training, steps=[{"step": n, "loss": 4.0 - n} for n in range(4)])

    card = model_card(unseen)

    assert not {"model-index", "metrics"} & header_of(card).keys()
    assert "The validation split was not looked at after step 3." in card


def test_a_licence_that_the_hub_does_not_know_is_named(training: Training) -> None:
    training.data.corpora["birds"].licences.add("LicenseRef-Bells")

    header = header_of(model_card(training))

    assert "other" in header["license"]
    assert (header["license_name"], header["license_details"]) == ("by-part", "LicenseRef-Bells")


def test_the_card_names_parts_rows_and_code_and_no_folder_of_this_machine(training: Training) -> None:
    card = model_card(training)

    assert f"| audio encoder, frozen | model {'e' * 12} | `{'e' * 64}` | MIT |" in card
    assert f"| language model, frozen | hf://org/words@main | `{'d' * 64}` | Apache-2.0 |" in card
    assert "131,540,224 trained parameters" in card
    assert "| readers | CC-BY-SA-3.0 | 2 | 2 | 0 |" in card
    assert "| kept | none heard | 0 | 0 | 2 |" in card
    assert "- readers: Read by Ana | and others" in card
    assert f"Code `{'c' * 64}`" in card
    assert "| `learning_rate` | 0.0005 |" in card
    assert "somebody" not in card


def test_a_lora_is_told(training: Training) -> None:
    lora = LoraConfig(rank=16, alpha=32, dropout=0.1, init_seed=1)

    card = model_card(replace(training, config=training.config.model_copy(update={"lora": lora})))

    assert "An adapter and a LoRA of 131,540,224 trained parameters" in card
    assert "rank 16, alpha 32, dropout 0.1" in card
    assert header_of(card)["tags"][1:3] == ["adapter", "lora"]
    assert "LoRA" not in model_card(training)


def test_results_are_those_of_the_step_whose_weights_were_taken(training: Training) -> None:
    card = model_card(training)

    assert "After step 3: validation loss 2.0000 nats a token, perplexity 7.389." in card
    assert "| 2 | 3.5000 | 2.5000 |" in card
    assert "| 4 | 1.0000 | 2.2500 |" in card


def test_a_long_training_has_a_short_table(training: Training) -> None:
    steps = [{"step": n, "loss": 1.0, "validation_loss": 1.0} for n in range(1000)]

    rows = [line for line in model_card(replace(training, steps=steps)).splitlines() if line.endswith("| 1.0000 |")]

    assert len(rows) <= 13
    assert rows[-1].startswith("| 1000 |")


def test_samples_of_other_clips_are_an_error_that_names_one(tmp_path: Path) -> None:
    accepted = write(tmp_path / "accepted", [make_sample()], {})

    with pytest.raises(ContractError, match=f"no clip {'1' * 64}, which a sample of {accepted.folder} is about"):
        learned_from(accepted, write(tmp_path / "clips", [make_clip()], {}))
