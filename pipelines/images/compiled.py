"""Puts images that were built into a graph: each task gets its own, and the version of the code in it."""

import copy
from collections.abc import Mapping
from typing import Any

from components.core.contracts.errors import ConfigurationError
from components.core.digests import code_digest
from components.core.home import Home
from components.core.images import image
from components.core.stages import STAGES
from pipelines.images.records import IMAGES, Image, packages_in, read_images

CODE_VERSION = "DESTA_CODE_VERSION"
"""The variable of a task that says which code its image holds."""


def built_for_the_graph(home: Home) -> dict[str, Image]:
    """Return the image of each stage.

    Raises:
        ConfigurationError: a stage has none.
        ContractError: a record is damaged.
    """
    images = read_images(home)
    if missing := [stage.name for stage in STAGES if stage.name not in images]:
        raise ConfigurationError(f"--images: {missing[0]} has no image yet; `desta images build` makes it")
    return images


def pushed_for_a_cluster(home: Home) -> dict[str, Image]:
    """Return the images that the tasks of a run on a cluster are in: nodes pull them, each by its digest.

    Raises:
        ConfigurationError: one was not built, not pushed, or not of this code.
        ContractError: a record is damaged.
    """
    images = read_images(home)
    used = {name: images.get(name) for name in IMAGES if name != "serve_model"}
    for name, built in used.items():
        if fault := _fault(name, built):
            raise ConfigurationError(f"{name}: {fault}; `desta images build` and then `desta images push` mend it")
    return {name: built for name, built in used.items() if built}


def _fault(name: str, built: Image | None) -> str | None:
    if built is None:
        return "has no image"
    if built.code_version != code_digest(*packages_in(name)):
        return "its image holds other code than this checkout"
    return None if built.pushed else "its image is in no registry"


def with_images(graph: Any, images: Mapping[str, Image]) -> Any:
    """Return a copy of a graph whose tasks run in these images."""
    made = copy.deepcopy(graph)
    executors = made.pipeline_spec.deployment_spec["executors"]
    built = {image(name): record for name, record in images.items()}
    for name in executors:
        if "container" in executors[name] and executors[name]["container"]["image"] in built:
            container = executors[name]["container"]
            record = built[container["image"]]
            container["image"] = record.reference
            container.get_or_create_list("env").append({"name": CODE_VERSION, "value": record.code_version})
    return made
