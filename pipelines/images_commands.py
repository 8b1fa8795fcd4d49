"""Commands about container images: build, list, push."""

from typing import Any

from pipelines.command_parser import Parser, add, add_json
from pipelines.images import calls


def add_images(commands: Any) -> None:
    """Add them."""
    images = commands.add_parser("images", help="build, list and push the container images of the stages")
    actions = images.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_build(actions)
    listing = add(actions, "list", calls.list_, "list the images that were built", "desta images list --json")
    add_json(listing)
    push = add(
        actions,
        "push",
        calls.push,
        "push images to a registry; prints NAME=PLACE@sha256:DIGEST, as `python -m infra.kubernetes.pin` takes it",
        "desta images push --to REGISTRY/TEAM",
    )
    push.add_argument("--to", required=True, metavar="PREFIX", help="the place in a registry below which they go")
    _add_stages(push)


def _add_build(actions: Any) -> None:
    build = add(
        actions,
        "build",
        calls.build,
        "build images, each with its bill of materials; what did not change is kept",
        "desta images build --base python@sha256:...",
        "desta images build ingest_audio --base BARE@sha256:... --builder WITH_PIP@sha256:... --engine podman",
    )
    build.add_argument("--base", metavar="NAME@DIGEST", help="what the images stand on: Python 3.11 and no tools")
    build.add_argument("--builder", metavar="NAME@DIGEST", help="the same with pip, to build in; default: the base")
    build.add_argument("--device", choices=("cpu", "gpu"), default="cpu", help="whose lock is installed; default: cpu")
    _add_stages(build)


def _add_stages(command: Parser) -> None:
    command.add_argument("stages", nargs="*", metavar="STAGE", help="default: all")
    command.add_argument("--engine", choices=("podman", "docker"), help="default: podman, else docker")
