"""Datasets that lie on a hub: their files are brought into a folder once."""

from collections.abc import Sequence
from pathlib import Path

from components.core.contracts.errors import SourceError

_WHOLE = "whole"
"""The empty file that is written last: without it the download goes on."""


def fetched(folder: Path, repository: str) -> Path:
    """Return where the Parquet files of `org/name@revision` lie below the corpus folder, bringing what is missing.

    Raises:
        SourceError: the hub did not give them, or they cannot be written.
    """
    name, _, revision = repository.partition("@")
    target = folder / ".repository" / repository.replace("/", "--")
    if (target / _WHOLE).is_file():
        return target
    bring(name, revision, target, patterns=["*.parquet"], where=str(folder))
    (target / _WHOLE).touch()
    return target


def bring(name: str, revision: str, target: Path, *, patterns: Sequence[str] | None = None, where: str) -> None:
    """Bring the files of a dataset repository into a folder; what is there already is not brought again.

    Raises:
        SourceError: the hub did not give them, or they cannot be written; begins with `where`.
    """
    # Here and not above: whoever needs no hub does without it.
    import huggingface_hub

    wanted = None if patterns is None else list(patterns)
    try:
        huggingface_hub.snapshot_download(
            name, repo_type="dataset", revision=revision, local_dir=target, allow_patterns=wanted
        )
    except OSError as error:
        line = " ".join(str(error).split())
        raise SourceError(f"{where}: {name}@{revision}: the hub did not give it: {line[:200]}") from error
