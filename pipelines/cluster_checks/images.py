"""Whether what runs is what was pinned: every image by its digest."""

import re
from collections.abc import Iterator

from components.core.contracts.errors import DestaError
from components.core.home import current_home
from pipelines.cluster.profile import ClusterProfile
from pipelines.cluster_checks.asking import Json
from pipelines.cluster_checks.checks import Check, Verdict, doubtful, lacking, well
from pipelines.cluster_checks.services import deployments_of, stateful_sets_of
from pipelines.images.compiled import pushed_for_a_cluster

_PINNED = re.compile(r"\S+@sha256:[0-9a-f]{64}")


def image_checks(cluster: ClusterProfile) -> Iterator[Check]:
    """Return the checks of images: of the compiled pipeline, and of what stands beside it."""
    yield Check("images of the pipeline", [], _of_pipeline)
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


def _of_pipeline() -> Verdict:
    try:
        images = pushed_for_a_cluster(current_home())
    except DestaError as fault:
        return lacking(str(fault), "`desta submit` takes no others, since nodes pull by digest")
    return pinned({image.reference for image in images.values()}, "push them again: `desta images push`")
