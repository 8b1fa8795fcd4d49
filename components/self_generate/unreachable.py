"""Collection of what generators said and nobody needs: answers that no finished and no unfinished result holds.

Needed are the samples of every finished result in the store, and those that unfinished work asked for (a killed stage
goes on from them). Whatever is killed while it collects, what is needed is there: a file that holds both kinds is
written anew before the old one goes.
"""

import io
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.core.contracts.records import Record
from components.core.digests import digest_of_file
from components.core.home import Home
from components.self_generate.generations import sample_ids_in, undisturbed, write_by_content
from components.self_generate.stage import ASKED

STAGE = "self_generate"


class Collected(Record):
    """What was removed, or would be: answers, whole files, files made smaller, what kills and damage left; bytes."""

    dry_run: bool
    answers: int = 0
    answers_left: int = 0
    files: int = 0
    files_rewritten: int = 0
    leftovers: int = 0
    bytes: int = 0
    unfinished: tuple[str, ...] = ()
    """Folders of unfinished work whose answers were left; removing one gives its answers up."""

    def __str__(self) -> str:
        left = f", {self.leftovers} drafts and damaged files" if self.leftovers else ""
        what = f"{self.answers} answers{left}: {self.bytes / 1e6:.2f} MB"
        how = f"{self.files} files removed, {self.files_rewritten} rewritten"
        lines = [
            f"would remove {what}" if self.dry_run else f"removed {what} ({how})",
            f"{self.answers_left} answers are needed",
            *(f"unfinished work needs some: {folder}" for folder in self.unfinished),
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class _Change:
    """What becomes of one file: it stays, it goes, or `data` takes its place."""

    path: Path
    unneeded: int
    needed: int
    data: bytes | None = None

    @property
    def goes(self) -> bool:
        return self.needed == 0

    @property
    def freed(self) -> int:
        if not self.goes and self.data is None:
            return 0
        return self.path.stat().st_size - len(self.data or b"")


def collect(home: Home, *, dry_run: bool) -> Collected:
    """Remove from `generations/` what nobody needs; a dry run only says what that is.

    Raises:
        ConfigurationError: a stage uses the generations.
        ContractError: a result cannot be read; nothing was removed.
    """
    root = home.root / "generations"
    with undisturbed(root):
        # Unfinished work first: what gets finished in the meantime is found in the store.
        unfinished = sorted((home.work / STAGE).glob(f"*/{ASKED}"))
        finished = sorted((home.store / STAGE).glob("[!.]*/part-*.parquet"))
        needed = {sample_id for path in (*unfinished, *finished) for sample_id in sample_ids_in(path)}
        leftovers = [*root.rglob("*.corrupt"), *root.rglob(".*.draft")]
        total = Collected(
            dry_run=dry_run,
            leftovers=len(leftovers),
            bytes=sum(path.stat().st_size for path in leftovers),
            unfinished=tuple(str(path.parent) for path in unfinished),
        )
        for folder in sorted(path for path in root.glob("*") if path.is_dir()):
            for change in _changes(folder, needed):
                total = _add(total, change)
                if not dry_run:
                    _apply(change)
        if not dry_run:
            _tidy(root, leftovers)
    return total


def _changes(folder: Path, needed: Container[str]) -> Iterator[_Change]:
    """Say what becomes of the files of one generator, in the order in which that is safe to do.

    Of two answers to one question that of the first file counts. Going backwards keeps it the first at any moment:
    what is written anew has no second answer left behind it, wherever its new name stands.
    """
    files = [(path, _ids(path)) for path in sorted(folder.glob("*.parquet"))]
    owners: dict[str, Path] = {}
    for path, ids in files:
        for sample_id in ids:
            owners.setdefault(sample_id, path)
    for path, ids in reversed(files):
        kept = [sample_id for sample_id in ids if sample_id in needed and owners[sample_id] == path]
        yield _change(path, ids, kept)


def _change(path: Path, ids: Sequence[str], kept: Sequence[str]) -> _Change:
    unneeded = len(ids) - len(kept)
    if not kept or not unneeded:
        return _Change(path, unneeded, len(kept))
    table, data = pq.read_table(path), io.BytesIO()
    pq.write_table(table.filter(pc.is_in(table["sample_id"], pa.array(kept))), data, compression="zstd")
    return _Change(path, unneeded, len(kept), data.getvalue())


def _ids(path: Path) -> list[str]:
    """Return what a file answers: nothing where it is damaged, the stage would set it aside."""
    return sample_ids_in(path) if digest_of_file(path) == path.stem else []


def _add(total: Collected, change: _Change) -> Collected:
    return total.model_copy(
        update={
            "answers": total.answers + change.unneeded,
            "answers_left": total.answers_left + change.needed,
            "files": total.files + change.goes,
            "files_rewritten": total.files_rewritten + (change.data is not None),
            "bytes": total.bytes + change.freed,
        }
    )


def _apply(change: _Change) -> None:
    if change.data is not None:
        write_by_content(change.path.parent, change.data)
    if change.goes or change.data is not None:
        change.path.unlink()


def _tidy(root: Path, leftovers: Sequence[Path]) -> None:
    for path in leftovers:
        path.unlink()
    for folder in root.glob("*"):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
