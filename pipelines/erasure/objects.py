"""What DVC keeps of `data/`: objects of its cache and its remote that hold something of the subject, in any version."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from components.core.corpora.formats.folder import TABLE_FILES
from components.core.corpora.policy import read_policy
from pipelines.erasure.places import Item, items_of_objects
from pipelines.erasure.recordings import corpora_below, table_without
from pipelines.erasure.searching import Searcher
from pipelines.erasure.subject import Erased
from pipelines.publish.versions import POINTER, DataVersions, data_versions, dvc_explained

CACHE, REMOTE = "DVC cache", "DVC remote"
_LISTING = ".dir"
_HEADER = 4096


@dataclass(frozen=True)
class Objects:
    """The objects of a checkout, by the place where they are."""

    versions: DataVersions
    stores: Mapping[str, Any] = field(default_factory=dict)

    @property
    def in_git(self) -> bool:
        """Whether Git keeps the remote, and with it every version of its objects."""
        config = self.versions.repository.config
        url = config["remote"].get(config["core"].get("remote"), {}).get("url")
        return url is not None and self.versions.kept_by_git(Path(str(url)))

    def other_remotes(self) -> list[str]:
        """Return the names of remotes that are not the default one."""
        config = self.versions.repository.config
        return sorted(set(config["remote"]) - {config["core"].get("remote")})

    def names_of(self, paths: Iterable[str]) -> set[str]:
        """Return the objects of files in the present revision of data/, and its listing where there are any."""
        listing = self.versions.revision
        name = f"{listing[:2]}/{listing[2:]}"
        file = Path(self.stores[CACHE].path) / name
        wanted = frozenset(paths)
        entries = _entries(file.read_bytes()) if wanted and file.is_file() else []
        found = {_name_of(entry["md5"]) for entry in entries if f"data/{entry['relpath']}" in wanted}
        return found | {name} if found else found

    def items(self) -> Iterator[Item]:
        """Yield every object."""
        for place, odb in self.stores.items():
            with dvc_explained(f"cannot look into its {place.removeprefix('DVC ')}"):
                yield from items_of_objects(place, odb)

    def remove(self, names: Mapping[str, set[str]]) -> None:
        """Remove objects by their place and name."""
        for place, odb in self.stores.items():
            with dvc_explained(f"cannot remove from its {place.removeprefix('DVC ')}"):
                for name in sorted(names.get(place, ())):
                    path = os.path.normpath(odb.fs.join(odb.path, *name.split("/")))
                    if odb.fs.exists(path):
                        odb.fs.remove(path)


@contextmanager
def objects_of(root: Path) -> Iterator[Objects | None]:
    """Open what DVC keeps of a checkout's `data/`; `None` where it keeps nothing.

    Raises:
        SourceError: DVC cannot.
    """
    if not (root / ".dvc").is_dir() or not (root / POINTER).is_file():
        yield None
        return
    with data_versions(root) as versions:
        repository = versions.repository
        stores = {CACHE: repository.cache.local}
        if repository.config["core"].get("remote"):
            with dvc_explained("cannot open its remote"):
                stores[REMOTE] = repository.cloud.get_remote_odb()
        yield Objects(versions, stores)


def forget_paths(root: Path) -> None:
    """Remove what DVC remembers of files by their names, outside of the checkout; it is computed again."""
    from dvc.repo import Repo

    with Repo(str(root)) as repository:
        remembered = Path(repository.site_cache_dir)
    shutil.rmtree(remembered, ignore_errors=True)


def telling_objects(objects: Objects, erased: Erased, root: Path) -> dict[str, set[str]]:
    """Return by place the names of all objects that hold something of it, tables and listings of old versions too."""
    found, listings, tables = _looked_into(objects, Searcher(erased.traces, erased.words))
    corpora = {folder.name: read_policy(folder).name for folder in corpora_below(root)}
    gone = frozenset(erased.places)
    for listing in listings:
        telling = (entry for entry in listing.entries if _tells(entry, tables, corpora, gone))
        found[listing.place].update(_name_of(entry["md5"]) for entry in telling)
    everywhere = set[str]().union(*found.values())
    for listing in listings:
        if any(_name_of(entry["md5"]) in everywhere for entry in listing.entries):
            found[listing.place].add(listing.name)
    return found


@dataclass(frozen=True)
class _Listing:
    """The files of one version of data/."""

    place: str
    name: str
    entries: tuple[dict[str, str], ...]


def _looked_into(objects: Objects, searcher: Searcher) -> tuple[dict[str, set[str]], list[_Listing], dict[str, bytes]]:
    """Return what objects tell by themselves, and the listings and possible tables among them."""
    found: dict[str, set[str]] = {place: set() for place in objects.stores}
    listings, tables = list[_Listing](), dict[str, bytes]()
    for item in objects.items():
        with item.open() as data:
            if searcher.find(item.name, data):
                found[item.place].add(item.name)
            if item.name.endswith(_LISTING):
                listings.append(_Listing(item.place, item.name, tuple(_entries(bytes(data)))))
            elif b"path" in data[:_HEADER]:
                tables[item.name] = bytes(data)
    return found, listings, tables


def _tells(
    entry: dict[str, str], tables: Mapping[str, bytes], corpora: Mapping[str, str], gone: frozenset[str]
) -> bool:
    """Tell whether a file of a version is a recording that goes, or a table with a line about one."""
    parts = PurePosixPath(entry["relpath"]).parts
    if len(parts) < 3 or parts[0] != "corpora":
        return False
    corpus, path = corpora.get(parts[1], parts[1]), "/".join(parts[2:])
    data = tables.get(_name_of(entry["md5"]), b"")
    if path in TABLE_FILES and data:
        try:
            return table_without(path, data, Path(parts[1]), corpus, gone) != data
        except ValueError:
            return False
    return f"{corpus}/{path}" in gone


def _entries(listing: bytes) -> list[dict[str, str]]:
    try:
        return [entry for entry in json.loads(listing) if "md5" in entry and "relpath" in entry]
    except (ValueError, TypeError):
        return []


def _name_of(md5: str) -> str:
    return f"{md5[:2]}/{md5[2:]}"
