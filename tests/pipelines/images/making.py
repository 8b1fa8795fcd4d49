"""Records of images, as a build and a push leave them."""

from components.core.digests import code_digest
from components.core.home import Home
from pipelines.images.building import Ground, tag_of
from pipelines.images.records import IMAGES, Image, image_name, packages_in, write_image
from pipelines.sample_data import ROOT

DIGEST = f"sha256:{'d' * 64}"
GROUND = Ground(base=f"bare@{DIGEST}", builder=f"full@{DIGEST}", device="cpu")


def make_image(name: str = "ingest_audio", **changes: object) -> Image:
    """An image of this checkout that was built and not pushed, changed."""
    facts = {
        "stage": name,
        "name": image_name(name),
        "tag": tag_of(name, GROUND, ROOT),
        "device": "cpu",
        "base": GROUND.base,
        "image_id": "1" * 64,
        "size_bytes": 1,
        "code_version": code_digest(*packages_in(name)),
    }
    return Image.model_validate({**facts, **changes})


def place_of(name: str) -> str:
    """Where `write_pushed` says that an image is."""
    return f"place.test/{image_name(name)}@{DIGEST}"


def write_pushed(home: Home) -> None:
    """Write down that every image was pushed."""
    for name in IMAGES:
        write_image(make_image(name, pushed=place_of(name)), home)
