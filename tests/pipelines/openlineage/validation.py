"""OpenLineage's schema, and ours: an event is held to the first, and each of its facets to the one that it names."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from pipelines import openlineage

_OURS = Path(openlineage.__file__).parent / "facets"
_SPEC = Path(__file__).parent / "spec"
_SCHEMAS = [json.loads(file.read_text("utf-8")) for folder in (_SPEC, _OURS) for file in sorted(folder.glob("*.json"))]
_REGISTRY: Any = Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in _SCHEMAS)


def check(event: dict[str, Any]) -> None:
    """Hold an event to the schema of events, and each facet in it to its own.

    Raises:
        jsonschema.ValidationError: one does not fit.
        referencing.exceptions.Unresolvable: a facet names a schema that nobody has.
    """
    _validate(event, event["schemaURL"])
    for name, facet in _facets(event):
        _validate(facet, facet["_schemaURL"])
        _validate({name: facet}, facet["_schemaURL"].partition("#")[0])
        assert facet["_producer"] == event["producer"]


def _validate(value: Any, reference: str) -> None:
    Draft202012Validator(
        {"$ref": reference}, registry=_REGISTRY, format_checker=Draft202012Validator.FORMAT_CHECKER
    ).validate(value)


def _facets(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every facet with the name that it stands under."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("facets", "inputFacets", "outputFacets"):
                yield from inner.items()
            yield from _facets(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _facets(inner)
