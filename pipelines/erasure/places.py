"""Everywhere that something of a clip can lie: each file below the home and `data/`, each object that DVC keeps."""

import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from components.core.home import Home
from pipelines.erasure.searching import Bytes

BUNDLE = "bundle"
_OBJECTS = "/files/md5"


@dataclass(frozen=True)
class Item:
    """One file somewhere: its place and name for people, and its bytes; `evidence` may name what was erased."""

    place: str
    name: str
    open: Callable[[], Any]
    path: Path | None = None
    evidence: bool = False


def items_of_home(home: Home) -> Iterator[Item]:
    """Yield every file of a home but those of frozen models, which hold no clip."""
    for file in files_below(home.root):
        if file.is_relative_to(home.models):
            continue
        place = file.relative_to(home.root).parts[0]
        yield item_of(file, home.root, place, evidence=_is_evidence(file, home))


def items_of_data(root: Path) -> Iterator[Item]:
    """Yield every file below a checkout's `data/`."""
    for file in files_below(root / "data"):
        yield item_of(file, root, "data")


def items_of_objects(place: str, odb: Any) -> Iterator[Item]:
    """Yield every file of a DVC cache or remote, wherever its file system is, by its path below the objects."""
    top = str(odb.path).removesuffix(_OBJECTS)
    for name in sorted(odb.fs.find(top)):
        path = Path(name) if odb.fs.protocol == "local" else None
        opened = partial(mapped, path) if path else partial(_fetched, odb, name)
        yield Item(place, os.path.relpath(name, odb.path), opened, path)


def item_of(file: Path, root: Path, place: str, *, evidence: bool = False) -> Item:
    """Return a file of the local disk."""
    return Item(place, file.relative_to(root).as_posix(), lambda: mapped(file), file, evidence)


def files_below(folder: Path) -> list[Path]:
    """Return every file below a folder, hidden ones too."""
    return sorted(file for file in folder.rglob("*") if file.is_file())


@contextmanager
def mapped(file: Path) -> Iterator[Bytes]:
    """Yield the bytes of a file without reading it whole; one that is gone since it was listed has none.

    The map ends with the last that reads it, which may be a thread of Arrow's that is a moment late.
    """
    yield _map_of(file)


def _map_of(file: Path) -> Bytes:
    try:
        with file.open("rb") as opened:
            return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) if file.stat().st_size else b""
    except FileNotFoundError:
        return b""


@contextmanager
def _fetched(odb: Any, name: str) -> Iterator[bytes]:
    with odb.fs.open(name, "rb") as file:
        yield file.read()


def _is_evidence(file: Path, home: Home) -> bool:
    """Tell whether a file is one that names digests of what was erased on purpose."""
    if file in (home.tombstones, home.root / "journal.jsonl"):
        return True
    parts = file.relative_to(home.root).parts
    return parts[0] == home.erasures.name or (parts[0] == home.runs.name and BUNDLE in parts[2:3])
