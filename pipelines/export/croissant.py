"""Croissant 1.1: a Hugging Face dataset folder described as JSON-LD, with the sha256 of every file.

The addresses in here are names of vocabularies; nothing is fetched from them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from components.core.cards import CITATION
from components.core.contracts.records import Split
from components.core.digests import digest_of_file
from pipelines.export.card import summary
from pipelines.export.dataset import Dataset
from pipelines.export.huggingface import AUDIO, COLUMNS, MESSAGES, Column
from pipelines.export.rollup import Rollup

FILE = "croissant.json"

_CROISSANT = "http://mlcommons.org/croissant/"
_SCHEMA_ORG = "https://schema.org/"
_TERMS = """
    annotation arrayShape citeAs column containedIn equivalentProperty excludes extract field fileObject fileProperty
    fileSet format includes isArray isLiveDataset jsonPath key md5 parentField path readLines recordSet references regex
    repeated replace samplingRate sdVersion separator source subField transform unArchive value
"""
_CONTEXT = {
    "@language": "en",
    "@vocab": _SCHEMA_ORG,
    "sc": _SCHEMA_ORG,
    "cr": _CROISSANT,
    "rai": f"{_CROISSANT}RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS.split()},
}
_SPLITS = {Split.TRAIN: "TrainingSplit", Split.VALIDATION: "ValidationSplit", Split.EVALUATION: "TestSplit"}
_TYPES = {pa.string(): "sc:Text", pa.float64(): "sc:Float", pa.int64(): "sc:Integer"}
_FILES = "parquet-files"


def croissant(dataset: Dataset, rollup: Rollup, folder: Path) -> dict[str, Any]:
    """Describe the shards under `folder`, whose digests are taken from the files themselves."""
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": f"{_CROISSANT}1.1",
        "name": dataset.name,
        "description": summary(rollup),
        "identifier": dataset.accepted.digest,
        "url": f"urn:sha256:{dataset.accepted.digest}",
        "version": "1.0.0",
        "datePublished": dataset.recipe.made_on.isoformat(),
        "creator": {"@type": "sc:Organization", "name": "desta", "description": "the workflow that made the samples"},
        "license": [{"@type": "sc:CreativeWork", "name": licence} for licence in sorted(rollup.licences)],
        "creditText": "; ".join(_credits(rollup)),
        "inLanguage": sorted(rollup.languages),
        "citeAs": CITATION,
        "isLiveDataset": False,
        "distribution": [*_shards(folder), _file_set()],
        "recordSet": [_splits(rollup), _samples()],
    }


def _credits(rollup: Rollup) -> Iterator[str]:
    for name, share in sorted(rollup.corpora.items()):
        yield f"{name} ({', '.join(sorted(share.licences))}): {share.attribution or 'no attribution asked for'}"


def _shards(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted((folder / "data").iterdir()):
        yield {
            "@type": "cr:FileObject",
            "@id": file.name,
            "name": file.name,
            "contentUrl": f"data/{file.name}",
            "contentSize": f"{file.stat().st_size} B",
            "encodingFormat": "application/x-parquet",
            "sha256": digest_of_file(file),
        }


def _file_set() -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": _FILES,
        "name": _FILES,
        "description": "All shards; they lie beside this file.",
        "encodingFormat": "application/x-parquet",
        "includes": "data/*.parquet",
    }


def _splits(rollup: Rollup) -> dict[str, Any]:
    rows = [{"splits/name": split.value, "splits/url": f"cr:{_SPLITS[split]}"} for split in rollup.splits()]
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [_field("splits/name", "sc:Text"), _field("splits/url", "sc:URL")],
        "data": rows,
    }


def _samples() -> dict[str, Any]:
    split = _field("samples/split", "sc:Text", description="which part of the work the clip serves") | {
        "source": {
            "fileSet": {"@id": _FILES},
            "extract": {"fileProperty": "fullpath"},
            # Of a path, and of the name alone: mlcroissant applies it again to what it found.
            "transform": {"regex": f"^(?:data/)?({'|'.join(Split)})"},
        },
        "references": {"field": {"@id": "splits/name"}},
    }
    return {
        "@type": "cr:RecordSet",
        "@id": "samples",
        "name": "samples",
        "description": "A question about a clip and its answer.",
        "key": {"@id": "samples/sample_id"},
        "field": [split, *map(_column, COLUMNS)],
    }


def _column(column: Column) -> dict[str, Any]:
    name = f"samples/{column.name}"
    if column.kind == AUDIO:
        return _field(name, "sc:AudioObject", description=column.meaning) | _source(column, "bytes")
    if column.kind == MESSAGES:
        parts = [_field(f"{name}/{part.name}", "sc:Text") | _source(column, part.name) for part in MESSAGES.value_type]
        described = {"@type": "cr:Field", "@id": name, "name": name, "description": column.meaning}
        return described | {"isArray": True, "arrayShape": "-1", "subField": parts}
    return _field(name, _TYPES[column.kind], description=column.meaning) | _source(column)


def _field(name: str, kind: str, **more: str) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": name, "name": name, "dataType": kind, **more}


def _source(column: Column, part: str | None = None) -> dict[str, Any]:
    transform = {"transform": {"jsonPath": part}} if part else {}
    return {"source": {"fileSet": {"@id": _FILES}, "extract": {"column": column.name}, **transform}}
