"""The description holds to the standard's vocabulary, and to the files that it describes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from components.core.digests import digest_of_file
from components.core.home import Home
from tests.pipelines.export.making import export_by_command, make_run

# The properties of schema.org that the description uses; every other word must be in its @context.
SCHEMA_ORG = {
    "contentSize",
    "contentUrl",
    "creator",
    "creditText",
    "datePublished",
    "description",
    "distribution",
    "encodingFormat",
    "identifier",
    "inLanguage",
    "license",
    "name",
    "sha256",
    "url",
    "version",
}


@pytest.fixture
def folder(home: Home, tmp_path: Path) -> Path:
    make_run(home)
    assert export_by_command(tmp_path / "out", "croissant") == 0
    return tmp_path / "out"


def _described(folder: Path) -> dict[str, Any]:
    described: dict[str, Any] = json.loads((folder / "croissant.json").read_text("utf-8"))
    return described


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _nodes(part)


def test_every_word_is_the_standards(folder: Path) -> None:
    described = _described(folder)
    context = described.pop("@context")
    for record_set in described["recordSet"]:
        record_set.pop("data", None)
    words = {word for node in _nodes(described) for word in node if not word.startswith("@")}
    assert words - SCHEMA_ORG <= set(context)
    assert described["conformsTo"] == "http://mlcommons.org/croissant/1.1"


def test_every_file_is_described_with_its_digest(folder: Path) -> None:
    files = [node for node in _described(folder)["distribution"] if node["@type"] == "cr:FileObject"]
    found = {file["contentUrl"]: file["sha256"] for file in files}
    assert found == {f"data/{file.name}": digest_of_file(file) for file in (folder / "data").iterdir()}


def test_every_field_has_a_column_or_a_part_of_one(folder: Path) -> None:
    schema = pq.read_schema(folder / "data" / "train-00000.parquet")
    samples = _described(folder)["recordSet"][1]
    sources = [node["source"] for node in _nodes(samples) if "source" in node]
    columns = {source["extract"]["column"] for source in sources if "column" in source["extract"]}
    assert columns == set(schema.names)
    parts = {source["transform"]["jsonPath"] for source in sources if "jsonPath" in source.get("transform", {})}
    assert parts == {"bytes", "role", "content"}


def test_the_split_of_a_row_follows_from_the_path_of_its_shard(folder: Path) -> None:
    split = _described(folder)["recordSet"][1]["field"][0]
    found = re.match(split["source"]["transform"]["regex"], "data/validation-00000.parquet")
    assert (split["@id"], found and found[1]) == ("samples/split", "validation")


def test_every_reference_leads_to_one_node(folder: Path) -> None:
    described = _described(folder)
    described.pop("@context")
    ids = [node["@id"] for node in _nodes(described) if "@id" in node and "@type" in node]
    wanted = {node["@id"] for node in _nodes(described) if set(node) == {"@id"}}
    assert len(ids) == len(set(ids))
    assert wanted <= set(ids)


def test_licences_attributions_splits_and_the_paper_are_in_it(folder: Path) -> None:
    described = _described(folder)
    assert [licence["name"] for licence in described["license"]] == ["CC-BY-SA-3.0", "CC0-1.0", "LicenseRef-Bells"]
    assert "bells (LicenseRef-Bells): The tower" in described["creditText"]
    assert "2507.02768" in described["citeAs"]
    assert described["datePublished"] == "2026-01-02"
    assert [row["splits/name"] for row in described["recordSet"][0]["data"]] == ["train", "validation"]
