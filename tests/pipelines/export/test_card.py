"""Whoever opens an exported dataset reads what it is, how it was made, and what its licences ask."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.core.licences import Use
from pipelines.export.card import card, header, size_category
from pipelines.export.dataset import Dataset
from pipelines.export.rollup import Rollup
from tests.pipelines.export.making import make_dataset


@pytest.fixture
def counted(tmp_path: Path) -> tuple[Dataset, Rollup]:
    dataset = make_dataset(tmp_path)
    rollup = Rollup(dataset.clips)
    for _ in rollup.passing(dataset.groups()):
        pass
    return dataset, rollup


def test_the_metadata_file_the_dataset_by_licence_language_size_and_splits(counted: tuple[Dataset, Rollup]) -> None:
    text = header(*counted)
    assert text.startswith("---\n")
    assert text.endswith("---\n\n")
    values: dict[str, Any] = yaml.safe_load(text.strip().strip("-"))
    assert values["license"] == ["cc-by-sa-3.0", "cc0-1.0", "other"]
    assert values["license_details"] == "LicenseRef-Bells"
    assert values["language"] == ["es"]
    assert values["size_categories"] == ["n<1K"]
    assert values["task_categories"] == ["audio-text-to-text"]
    assert values["configs"] == [
        {
            "config_name": "default",
            "data_files": [
                {"split": "train", "path": "data/train-*.parquet"},
                {"split": "validation", "path": "data/validation-*.parquet"},
            ],
        }
    ]


def test_the_card_says_sizes_recipe_acceptance_and_identity(counted: tuple[Dataset, Rollup]) -> None:
    dataset, rollup = counted
    text = card(dataset, rollup, "Read it so.")
    for said in (
        "4 questions about 3 clips",
        "| train | sound | 2 | 1 | 0.00 |",
        "Read it so.",
        "pypi://a@1 (licence MIT)",
        "vllm 0.32.0 in float32",
        "temperature 0.05, top-p 1, at most 40 tokens, seed 0",
        f"Prompts, sound: version 3, digest {'f' * 64}",
        "4 of 6 samples (67%); refused: cut_off 2",
        dataset.accepted.digest,
        "2507.02768",
    ):
        assert said in text


def test_every_corpus_has_its_licence_and_its_attribution_in_one_cell(counted: tuple[Dataset, Rollup]) -> None:
    text = card(*counted, "")
    assert r"| voices | CC-BY-SA-3.0 | 1 | Read by the \| village |" in text
    assert "| farm | CC0-1.0 | 1 | none |" in text
    assert "| LicenseRef-Bells | 1 | 1 | 0.00 |" in text


@pytest.mark.parametrize(("samples", "word"), [(999, "n<1K"), (1000, "1K<n<10K"), (4_963_845, "1M<n<10M")])
def test_a_size_has_the_hubs_word_for_it(samples: int, word: str) -> None:
    assert size_category(samples) == word


def test_the_card_says_what_it_was_made_for_and_what_that_asks(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    made_for = replace(dataset, recipe=replace(dataset.recipe, use=Use.COMMERCIAL))
    rollup = Rollup(dataset.clips)
    for _ in rollup.passing(dataset.groups()):
        pass
    rollup.corpora["voices"].consent = ("research", "commercial")
    text = card(made_for, rollup, "")
    assert (
        "- Made for commercial use.\n"
        "- Name whom the recordings ask to name: CC-BY-SA-3.0.\n"
        "- Share alike: pass adaptations on under the same licence: CC-BY-SA-3.0.\n"
        "- Read the terms, which are not known here: LicenseRef-Bells.\n"
        "- Speakers of voices agreed to: research, commercial.\n"
    ) in text
