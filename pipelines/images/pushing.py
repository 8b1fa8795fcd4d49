"""Pushes images to a registry, and writes down the digests that it answers."""

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from pipelines.images.engine import Engine
from pipelines.images.records import Image, read_images, write_image


def push(stage: str, prefix: str, engine: Engine, home: Home) -> Image:
    """Push the image of a stage to PREFIX/NAME:TAG, and return it with its digest there.

    Raises:
        ConfigurationError: it was not built.
        SourceError: the registry did not take it.
    """
    image = read_images(home).get(stage)
    if image is None:
        raise ConfigurationError(f"{stage}: has no image yet; `desta images build {stage}` makes it")
    place = f"{prefix.rstrip('/')}/{image.name}"
    digest = engine.push(image.here, f"{place}:{image.tag}")
    pushed = image.model_copy(update={"pushed": f"{place}@{digest}"})
    write_image(pushed, home)
    return pushed


def pin_of(image: Image) -> str:
    """Return a pushed image as `infra.kubernetes.pin` takes it: NAME=PLACE@sha256:DIGEST."""
    return f"{image.name}={image.pushed}"
