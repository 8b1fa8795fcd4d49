"""Checkpoints that are whole or not there, and verified before anything in them is read."""

import shutil
from pathlib import Path

from components.core.contracts.records import Record, Sha256
from components.core.digests import digest_of_file
from components.core.publishing import publish, write_file

_MARKER = "checkpoint.json"


class Checkpoint(Record):
    """The steps that were done, and the digest of every file."""

    steps_done: int
    files: dict[str, Sha256]


def new_draft(folder: Path) -> Path:
    """Return an empty folder for every process to write its part into."""
    draft = folder / ".draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    return draft


def publish_checkpoint(draft: Path, steps_done: int) -> None:
    """Publish a draft that all processes have written, then drop the checkpoints before it."""
    folder = draft.parent
    files = {p.relative_to(draft).as_posix(): digest_of_file(p) for p in draft.rglob("*") if p.is_file()}
    write_file(draft / _MARKER, Checkpoint(steps_done=steps_done, files=files).model_dump_json())
    publish(draft, folder / f"step-{steps_done:07d}")
    for older in sorted(folder.glob("step-*"))[:-1]:
        shutil.rmtree(older)


def newest_checkpoint(folder: Path) -> tuple[Path, int] | None:
    """Return the newest checkpoint that is whole, with the steps it holds; torn or changed ones are passed over."""
    for candidate in sorted(folder.glob("step-*"), reverse=True):
        marker = candidate / _MARKER
        if not marker.is_file():
            continue
        checkpoint = Checkpoint.model_validate_json(marker.read_bytes())
        if all(_intact(candidate / name, digest) for name, digest in checkpoint.files.items()):
            return candidate, checkpoint.steps_done
    return None


def _intact(file: Path, digest: str) -> bool:
    return file.is_file() and digest_of_file(file) == digest
