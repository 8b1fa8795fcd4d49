"""Puts images that were built into a graph: each task gets its own, and the version of the code in it."""

import copy
from collections.abc import Mapping
from typing import Any

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from components.core.stages import STAGES
from pipelines.images.records import Image, read_images

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


def with_images(graph: Any, images: Mapping[str, Image]) -> Any:
    """Return a copy of a graph whose tasks run in these images."""
    made = copy.deepcopy(graph)
    executors = made.pipeline_spec.deployment_spec["executors"]
    for stage, image in images.items():
        executor = f"exec-{stage.replace('_', '-')}"
        if executor in executors:
            container = executors[executor]["container"]
            container["image"] = image.reference
            container["env"] = [{"name": CODE_VERSION, "value": image.code_version}]
    return made
