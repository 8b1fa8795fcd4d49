"""Whether what runs is what was pinned: every image by its digest."""

import re
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from pipelines.cluster.graph import NAME, compile_on
from pipelines.cluster.profile import ClusterProfile
from pipelines.cluster_checks.asking import Json
from pipelines.cluster_checks.checks import Check, Verdict, doubtful, well
from pipelines.cluster_checks.services import deployments_of, stateful_sets_of

_PINNED = re.compile(r"\S+@sha256:[0-9a-f]{64}")


def image_checks(cluster: ClusterProfile) -> Iterator[Check]:
    """Return the checks of images: of the compiled pipeline, and of what stands beside it."""
    yield Check("images of the pipeline", [], partial(_of_pipeline, cluster))
    services = [deployments_of(cluster), stateful_sets_of(cluster)]
    yield Check("images of the services", services, of_services)


def pinned(images: set[str], mend: str) -> Verdict:
    """Judge whether all are named by digest."""
    if loose := sorted(image for image in images if not _PINNED.fullmatch(image)):
        return doubtful(f"not by digest: {', '.join(loose)}", mend)
    return well(f"{len(images)} images, all by digest")


def of_services(*seen: Json | None) -> Verdict:
    """Judge the images of deployments and stateful sets."""
    return pinned(
        {
            container["image"]
            for things in seen
            for thing in (things or {}).get("items") or ()
            for kind in ("containers", "initContainers")
            for container in thing["spec"]["template"]["spec"].get(kind) or ()
        },
        "pin them with `python -m infra.kubernetes.pin`, and apply the overlay again",
    )


def _of_pipeline(cluster: ClusterProfile) -> Verdict:
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder) / f"{NAME}.yaml"
        compile_on(cluster, compiled)
        documents = list(yaml.safe_load_all(compiled.read_text(encoding="utf-8")))
    return pinned(set(_images(documents)), "push them to your registry, and name them by the digests that it gives")


def _images(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(image := node.get("image"), str):
            yield image
        for value in node.values():
            yield from _images(value)
    elif isinstance(node, list):
        for item in node:
            yield from _images(item)
