"""Whether a body is what Kubeflow's official client would have written."""

from collections.abc import Iterator
from typing import Any

import kfp_server_api


def misread(given: dict[str, Any], model: str) -> str | None:
    """Say what the client's own model would not make of a body: an unknown field, or a value it reads otherwise."""
    if unknown := next(_unknown(given, model), None):
        return f"unknown field {unknown}"
    api = kfp_server_api.ApiClient()
    read = api._ApiClient__deserialize(given, model)
    return None if api.sanitize_for_serialization(read) == given else f"not what the client reads: {read}"


def _unknown(given: dict[str, Any], model: str) -> Iterator[str]:
    types = getattr(kfp_server_api, model).openapi_types
    for name, value in given.items():
        if name not in types:
            yield f"{model}.{name}"
        elif isinstance(value, dict) and hasattr(kfp_server_api, types[name]):
            yield from _unknown(value, types[name])
