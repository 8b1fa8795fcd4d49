"""Checkpoints that are whole or not there, and verified before anything in them is read.

Kept are the newest, the one before it (the newest may turn out damaged), and the one of the lowest validation loss.
"""

import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from components.core.contracts.errors import ContractError
from components.core.contracts.records import Record, Sha256
from components.core.digests import digest_of_file
from components.core.publishing import publish, write_file

_MARKER = "checkpoint.json"
_NEWEST = 2


class Checkpoint(Record):
    """How many steps were done, what they were done with, and the digest of every file.

    `validation_loss` (nats a token) is that of exactly these steps; `None` where nobody looked.
    """

    steps_done: int
    validation_loss: float | None
    made_with: dict[str, str]
    files: dict[str, Sha256]


def new_draft(folder: Path) -> Path:
    """Return an empty folder for every process to write its part into."""
    draft = folder / ".draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    return draft


def publish_checkpoint(
    draft: Path, steps_done: int, made_with: Mapping[str, str], validation_loss: float | None = None
) -> None:
    """Publish a draft that all processes have written, then drop the checkpoints that are no longer kept."""
    folder = draft.parent
    files = {p.relative_to(draft).as_posix(): digest_of_file(p) for p in draft.rglob("*") if p.is_file()}
    checkpoint = Checkpoint(
        steps_done=steps_done, validation_loss=validation_loss, made_with=dict(made_with), files=files
    )
    write_file(draft / _MARKER, checkpoint.model_dump_json())
    target = folder / f"step-{steps_done:07d}"
    shutil.rmtree(target, ignore_errors=True)
    publish(draft, target)
    _drop_old(folder)


def newest_checkpoint(folder: Path) -> tuple[Path, Checkpoint] | None:
    """Return the newest checkpoint that is whole; each newer one is passed over with a line that says why."""
    return next(_whole(sorted(folder.glob("step-*"), reverse=True)), None)


def best_checkpoint(folder: Path) -> tuple[Path, float, int] | None:
    """Return the whole checkpoint of the lowest validation loss, that loss, and the steps that it holds.

    Each that is damaged is passed over with a line that says why.
    """
    whole = _whole(sorted(folder.glob("step-*")))
    known = [(path, made.validation_loss, made.steps_done) for path, made in whole if made.validation_loss is not None]
    return min(known, key=lambda one: one[1], default=None)


def drop_after(folder: Path, steps_done: int) -> None:
    """Remove the checkpoints of steps that will be done again."""
    for later in folder.glob("step-*"):
        if later.name > f"step-{steps_done:07d}":
            shutil.rmtree(later)


def check_made_with(checkpoint: Checkpoint, now: Mapping[str, str]) -> None:
    """Make sure that a training goes on with what it began with.

    Raises:
        ContractError: something differs; names all of it.
    """
    then = checkpoint.made_with
    odd = [name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]
    if odd:
        told = ", ".join(f"{n} was {then.get(n, 'none')[:12]} and is {now.get(n, 'none')[:12]}" for n in odd)
        raise ContractError(
            f"train_model: the checkpoint after {checkpoint.steps_done} steps was made with something else: {told}; "
            "bring that back, or remove the checkpoints to begin anew"
        )


def _opened(folder: Path) -> Checkpoint:
    """Read and verify a checkpoint.

    Raises:
        ContractError: it is torn or was changed.
    """
    try:
        checkpoint = Checkpoint.model_validate_json((folder / _MARKER).read_bytes())
    except FileNotFoundError as error:
        raise ContractError(f"{folder}: no {_MARKER}: it was never finished") from error
    except ValidationError as error:
        raise ContractError(f"{folder / _MARKER}: not readable: {error.errors(include_url=False)[0]['msg']}") from error
    for name, digest in checkpoint.files.items():
        if not (folder / name).is_file():
            raise ContractError(f"{folder / name}: missing")
        if digest_of_file(folder / name) != digest:
            raise ContractError(f"{folder / name}: content changed since it was written")
    return checkpoint


def _whole(candidates: Iterable[Path]) -> Iterator[tuple[Path, Checkpoint]]:
    for candidate in candidates:
        try:
            yield candidate, _opened(candidate)
        except ContractError as error:
            print(f"train_model: {error}; passed over", file=sys.stderr, flush=True)


def _by_loss(folder: Path) -> list[Path]:
    """Return the checkpoints that know their validation loss, the lowest first; what is in them is not looked at."""
    known = []
    for candidate in sorted(folder.glob("step-*")):
        with suppress(OSError, ValidationError):
            checkpoint = Checkpoint.model_validate_json((candidate / _MARKER).read_bytes())
            if checkpoint.validation_loss is not None:
                known.append((checkpoint.validation_loss, candidate))
    return [candidate for _, candidate in sorted(known)]


def _drop_old(folder: Path) -> None:
    newest = sorted(folder.glob("step-*"))[-_NEWEST:]
    best = _by_loss(folder)[:1]
    for candidate in folder.glob("step-*"):
        if candidate not in (*newest, *best):
            shutil.rmtree(candidate)
