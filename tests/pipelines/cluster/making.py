"""Profiles of clusters, as files and as records."""

from pathlib import Path
from typing import Any

import yaml

from pipelines.cluster.profile import ClusterProfile, read_profile

CLUSTERS = Path(__file__).parents[3] / "infra" / "clusters"


def content_of(name: str = "laptop", **changes: Any) -> dict[str, Any]:
    """The content of an example, changed."""
    content: dict[str, Any] = yaml.safe_load((CLUSTERS / f"{name}.yaml").read_text())
    return {**content, **changes}


def make_cluster(folder: Path, name: str = "laptop", **changes: Any) -> ClusterProfile:
    """An example, changed, read from a file."""
    return read_profile(write_cluster(folder, name, **changes))


def write_cluster(folder: Path, name: str = "laptop", **changes: Any) -> Path:
    """An example, changed, as a file."""
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(content_of(name, **changes)))
    return file
