"""The facets that we attach to datasets and runs, and the one that is ours: who wrote the answers.

Its schema is `facets/GeneratorIdentityDatasetFacet.json` beside this file.
"""

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import attr
import pyarrow as pa
from openlineage.client.event_v2 import set_producer
from openlineage.client.facet_v2 import (
    DatasetFacet,
    RunFacet,
    error_message_run,
    parent_run,
    processing_engine_run,
    schema_dataset,
    tags_dataset,
    tags_run,
)

from components.core.contracts.parquet import schema_of
from components.core.contracts.records import Record
from components.core.digests import code_digest


def _our_version() -> str:
    """Return the version of our distribution; where the code stands without it, as in an image, the code's digest."""
    try:
        return version("desta")
    except PackageNotFoundError:
        return code_digest("components", "pipelines")


NAMESPACE = "desta"
PRODUCER = f"urn:desta:pipelines:{_our_version()}"
GENERATOR = "desta_generatorIdentity"
"""Under this name the facet stands among a dataset's facets."""
_SOURCE = "DESTA"

set_producer(PRODUCER)


@attr.define
class GeneratorIdentityDatasetFacet(DatasetFacet):
    """Who wrote the answers of a dataset: digests of the model's three parts, the engine, and how it drew its words."""

    weights: str
    tokenizer: str
    chatTemplate: str  # noqa: N815  # names of facets are in camel case
    engine: str
    engineVersion: str  # noqa: N815
    dtype: str
    decoding: dict[str, Any]

    @staticmethod
    def _get_schema() -> str:
        name = "GeneratorIdentityDatasetFacet"
        return f"urn:desta:openlineage:1-0-0:{name}#/$defs/{name}"


def generator_facet(generator: Mapping[str, Any], decoding: Mapping[str, Any]) -> GeneratorIdentityDatasetFacet:
    """Build our facet from the fields of a `GeneratorIdentity` and a `Decoding`."""
    return GeneratorIdentityDatasetFacet(
        weights=generator["weights"],
        tokenizer=generator["tokenizer"],
        chatTemplate=generator["chat_template"],
        engine=generator["engine"],
        engineVersion=generator["engine_version"],
        dtype=generator["dtype"],
        decoding=dict(decoding),
    )


def schema_facet(record: type[Record]) -> schema_dataset.SchemaDatasetFacet:
    """Describe the columns of a record's rows."""
    return schema_dataset.SchemaDatasetFacet(fields=list(_fields(schema_of(record))))


def _fields(fields: pa.Schema | pa.StructType) -> Iterator[schema_dataset.SchemaDatasetFacetFields]:
    for number, field in enumerate(fields, 1):
        kind = field.type
        inner = kind.value_type if pa.types.is_list(kind) else kind
        struct = pa.types.is_struct(inner)
        name = str(kind) if not struct else "struct" if inner is kind else "list<struct>"
        nested = list(_fields(inner)) if struct else []
        yield schema_dataset.SchemaDatasetFacetFields(field.name, name, ordinal_position=number, fields=nested)


def dataset_tags(tags: Mapping[str, str]) -> tags_dataset.TagsDatasetFacet:
    """Tag a dataset."""
    return tags_dataset.TagsDatasetFacet(
        tags=[tags_dataset.TagsDatasetFacetFields(key, value, _SOURCE) for key, value in tags.items()]
    )


def run_tags(tags: Mapping[str, str]) -> tags_run.TagsRunFacet:
    """Tag a run."""
    return tags_run.TagsRunFacet(tags=[tags_run.TagsRunFacetFields(key, value, _SOURCE) for key, value in tags.items()])


def parent_facet(run_id: str, job: str) -> parent_run.ParentRunFacet:
    """Name the run that a stage is part of."""
    return parent_run.ParentRunFacet(parent_run.Run(run_id), parent_run.Job(NAMESPACE, job))


def engine_facet() -> processing_engine_run.ProcessingEngineRunFacet:
    """Name this project in its installed version as what did the work."""
    return processing_engine_run.ProcessingEngineRunFacet(_our_version(), NAMESPACE, version("openlineage-python"))


def error_facets(line: str | None) -> dict[str, RunFacet]:
    """Return the facet of the line by which something ended, if there is one."""
    return {"errorMessage": error_message_run.ErrorMessageRunFacet(line, "PYTHON")} if line else {}
