"""What the commands of images call and print."""

import argparse

from components.core.contracts.errors import ConfigurationError, ExitCode
from components.core.home import current_home


def build(args: argparse.Namespace) -> int:
    """Build images, and print each as soon as it is there."""
    from pipelines.images.building import Ground, build, checked_stages
    from pipelines.images.engine import find_engine
    from pipelines.sample_data import ROOT

    stages, engine = checked_stages(args.stages), find_engine(args.engine)
    if not args.base:
        raise ConfigurationError("desta images build: want --base NAME@sha256:DIGEST, an image with Python 3.11")
    ground = Ground(base=args.base, builder=args.builder or args.base, device=args.device)
    for stage in stages:
        image, new = build(stage, ground, engine, current_home(), ROOT)
        print(
            f"{stage:<17} {'built' if new else 'kept':<6} {image.reference}  {image.size_bytes / 1e6:.0f} MB",
            flush=True,
        )
    return ExitCode.DONE


def list_(args: argparse.Namespace) -> int:
    """Print the images that were built."""
    import json

    from pipelines.images.records import read_images

    images = read_images(current_home())
    if args.json:
        print(json.dumps({stage: image.model_dump(mode="json") for stage, image in images.items()}, indent=2))
    else:
        for stage, image in images.items():
            print(f"{stage:<17} code {image.code_version[:12]}  {image.size_bytes / 1e6:>6.0f} MB  {image.reference}")
    return ExitCode.DONE


def push(args: argparse.Namespace) -> int:
    """Push images, and print each as the manifests of a cluster pin it."""
    from pipelines.images.building import checked_stages
    from pipelines.images.engine import find_engine
    from pipelines.images.pushing import pin_of, push

    stages, engine = checked_stages(args.stages), find_engine(args.engine)
    for stage in stages:
        print(pin_of(push(stage, args.to, engine, current_home())), flush=True)
    return ExitCode.DONE
