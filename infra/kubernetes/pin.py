"""Pin every image of the manifests: write `images/kustomization.yaml`, without which no overlay renders.

`NAME=PLACE@sha256:DIGEST` says where an image of that name lies and which bytes it is; what is not named keeps its pin.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from components.core.command import command_parser, run_command
from components.core.contracts.errors import ConfigurationError
from components.core.publishing import write_file

HERE = Path(__file__).resolve().parent
_PIN = re.compile(r"(?P<name>[^=\s]+)=(?P<place>[^@\s]+)@(?P<digest>sha256:[0-9a-f]{64})")
_EXAMPLE = """example:
  python -m infra.kubernetes.pin postgres=REGISTRY/postgres@sha256:...

Without a pin it says which images there are, and which have none."""


def main(argv: Sequence[str] | None = None) -> None:
    """Pin what the command line names."""
    run_command(_command, argv)


def pin(folder: Path, given: Sequence[str]) -> dict[str, str]:
    """Add pins to those that a folder of manifests has, and return all of them as places with digests.

    Raises:
        ConfigurationError: a pin is malformed, names an image that no manifest has, or an image is left without one.
    """
    file, names = folder / "images" / "kustomization.yaml", image_names(folder)
    pins = _read(file) | dict(map(_parsed, given))
    if unknown := sorted(pins.keys() - names):
        raise ConfigurationError(f"{unknown[0]}: no manifest has this image; they have {', '.join(sorted(names))}")
    if missing := sorted(names - pins.keys()):
        raise ConfigurationError(f"{file}: no pin of {', '.join(missing)}; give each as NAME=PLACE@sha256:DIGEST")
    file.parent.mkdir(exist_ok=True)
    write_file(file, _component(pins))
    return pins


def image_names(folder: Path) -> set[str]:
    """Return the short names by which the manifests speak of their images."""
    files = [file for part in ("base", "parts") for file in (folder / part).rglob("*.yaml")]
    return {name for file in files for document in yaml.safe_load_all(file.read_text()) for name in _images(document)}


def _command(argv: Sequence[str] | None) -> None:
    parser = command_parser("infra.kubernetes.pin", __doc__ or "", _EXAMPLE)
    parser.add_argument("pins", nargs="*", metavar="NAME=PLACE@sha256:DIGEST", help="an image and which bytes it is")
    for name, place in sorted(pin(HERE, parser.parse_args(argv).pins).items()):
        print(f"{name}  {place}")


def _images(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "image" and isinstance(value, str):
                yield value
            else:
                yield from _images(value)
    elif isinstance(node, list):
        for item in node:
            yield from _images(item)


def _parsed(text: str) -> tuple[str, str]:
    found = _PIN.fullmatch(text)
    if not found:
        raise ConfigurationError(f"{text!r}: want NAME=PLACE@sha256: and 64 hexadecimal digits")
    return found["name"], f"{found['place']}@{found['digest']}"


def _read(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    images = yaml.safe_load(file.read_text())["images"]
    return {image["name"]: f"{image['newName']}@{image['digest']}" for image in images}


def _component(pins: Mapping[str, str]) -> str:
    images = []
    for name, pinned in sorted(pins.items()):
        place, _, digest = pinned.partition("@")
        images.append({"name": name, "newName": place, "digest": digest})
    component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "images": images}
    return yaml.safe_dump(component, sort_keys=False)


if __name__ == "__main__":
    main()
