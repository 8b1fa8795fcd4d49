"""Content digests: the ids of everything that this project makes."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def digest_of_bytes(data: bytes) -> str:
    """Return the sha256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(value: Any) -> str:
    """Return the sha256 of a JSON value in canonical form (sorted keys, no spaces, UTF-8)."""
    return digest_of_bytes(canonical_json(value).encode())


def digest_of_each(values: Iterable[Any]) -> str:
    """Return the sha256 of JSON values in canonical form, one a line, of which one is in memory at a time."""
    digest = hashlib.sha256()
    for value in values:
        digest.update(canonical_json(value).encode() + b"\n")
    return digest.hexdigest()


def canonical_json(value: Any) -> str:
    """Write a JSON value so that equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_of_tree(root: Path, files: Iterable[Path]) -> str:
    """Return one digest for the names (relative to `root`) and contents of `files`, whatever their order."""
    return digest_of({file.relative_to(root).as_posix(): digest_of_file(file) for file in files})


def seed_of(run_seed: int, *ids: str) -> int:
    """Derive a record's own seed (63 bits), so that neither order nor sharding changes what it gets."""
    text = ":".join((str(run_seed), *ids))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def code_digest(*packages: str) -> str:
    """Return the digest of the source and data files of packages such as `components.core`."""
    root = Path(__file__).resolve().parents[2]
    folders = [root.joinpath(*package.split(".")) for package in packages]
    kinds = {".py", ".yaml", ".json", ".j2"}
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.suffix in kinds]
    return digest_of_tree(root, files)
