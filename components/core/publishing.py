"""Files and folders that appear whole or not at all, whenever the process is killed."""

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.core.contracts.errors import SourceError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def explaining_no_room(what: str, folder: Path) -> Iterator[None]:
    """Give a write that found no room on the disk of `folder` one line for the reader.

    Raises:
        SourceError: the disk is full, a quota is used up, or a file is larger than is allowed.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise no_room(what, folder, str(error.strerror)) from error


def no_room(what: str, folder: Path, why: str) -> SourceError:
    """Return the error that says that something could not be written."""
    free_mib = shutil.disk_usage(folder).free // 2**20
    return SourceError(
        f"{what}: could not write to {folder}: {why} ({free_mib} MiB left on its disk); what was finished before "
        "is kept: make room and run again"
    )


@contextmanager
def published(path: Path) -> Iterator[Path]:
    """Yield an empty draft folder; it becomes `path` only when the block ends without an error.

    Every file is flushed to the disk before the folder gets its name.
    """
    draft = draft_of(path)
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    yield draft
    publish(draft, path)


def draft_of(path: Path) -> Path:
    """Return where a folder is written before it gets its name."""
    return path.with_name(f".{path.name}.draft")


def publish(draft: Path, path: Path) -> None:
    """Give a finished draft folder its name, after every file in it has reached the disk."""
    for file in sorted(draft.rglob("*")):
        _flush(file)
    _flush(draft)
    draft.replace(path)
    _flush(path.parent)


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold the only right to make something; a second process waits and then finds it made."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_file(path: Path, data: bytes | str) -> None:
    """Replace the content of `path` in one step: a reader sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not named after this process: pods of one volume have the same numbers.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.draft")
    with draft.open("wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def place(source: Path, target: Path) -> None:
    """Make `target` hold the files of `source`: as hard links where the file system can, as copies elsewhere."""
    with published(target) as draft:
        shutil.copytree(source, draft, copy_function=link_or_copy, dirs_exist_ok=True)


def link_or_copy(source: str, target: str) -> str:
    """Put a file at another place too: as a hard link where the file system can, as a copy elsewhere."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
