"""Datasets that lie on a hub: their Parquet files are brought into the corpus folder once."""

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
    # Here and not above: every other corpus does without it.
    import huggingface_hub

    try:
        huggingface_hub.snapshot_download(
            name, repo_type="dataset", revision=revision, local_dir=target, allow_patterns=["*.parquet"]
        )
        (target / _WHOLE).touch()
    except OSError as error:
        line = " ".join(str(error).split())
        raise SourceError(f"{folder}: {repository}: the hub did not give it: {line[:200]}") from error
    return target
