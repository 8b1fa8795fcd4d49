"""What is known of the image of each stage: one record under the home, and its bill of materials beside it."""

from pathlib import Path

from pydantic import Field, ValidationError

from components.core.contracts.errors import ContractError
from components.core.contracts.records import Record, Sha256
from components.core.home import Home
from components.core.images import image
from components.core.publishing import write_file
from components.core.stages import STAGES

CLOSING = "close_run"
"""The task that ends a run on a cluster: no stage, and with the code of all of them."""
IMAGES = (*(stage.name for stage in STAGES), "serve_model", CLOSING)
"""What has an image: the six stages, the server of what they make, and the end of a run."""


class Image(Record):
    """An image as it was built, and where it was pushed to, if it was."""

    stage: str
    name: str
    tag: str
    """Digest of all that decides the image: code, locks, Containerfile, base, builder, device."""
    device: str
    base: str
    image_id: str
    size_bytes: int = Field(ge=0)
    code_version: Sha256
    """The digest of the code inside, as the lineage of the stage's results has it."""
    pushed: str | None = None
    """PLACE@sha256:DIGEST, as the registry answered."""

    @property
    def reference(self) -> str:
        """What runs: by its digest in a registry, else as this machine has it."""
        return self.pushed or self.here

    @property
    def here(self) -> str:
        """What the engine of this machine calls it."""
        return f"{self.name}:{self.tag}"


def containerfile(stage: str) -> Path:
    """Return where the Containerfile of an image is, below the root."""
    return Path("pipelines/cluster" if stage == CLOSING else f"components/{stage}") / "Containerfile"


def packages_in(stage: str) -> tuple[str, ...]:
    """Return the packages of our code that an image holds."""
    return ("components", "pipelines") if stage == CLOSING else ("components.core", f"components.{stage}")


def image_name(stage: str) -> str:
    """Return the name of a stage's image without its tag."""
    return image(stage).rpartition(":")[0]


def images_folder(home: Home) -> Path:
    """Return where the records are."""
    return home.root / "images"


def write_image(record: Image, home: Home) -> None:
    """Write down what is known of an image."""
    write_file(images_folder(home) / f"{record.stage}.json", record.model_dump_json(indent=2) + "\n")


def read_images(home: Home) -> dict[str, Image]:
    """Return the images that were built, by their stage.

    Raises:
        ContractError: a record is damaged.
    """
    files = {stage: images_folder(home) / f"{stage}.json" for stage in IMAGES}
    return {stage: _read(file) for stage, file in files.items() if file.is_file()}


def _read(file: Path) -> Image:
    try:
        return Image.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise ContractError(f"{file}: not a record of an image; remove it and build again") from error
