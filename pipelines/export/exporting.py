"""Exports: the accepted dataset of a run as a folder that other tools read, written whole or not at all."""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from components.core.cards import CARD
from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record, Sha256
from components.core.home import Home
from components.core.progress import Progress
from pipelines.export.accepted import accepted_dataset, run_to_export
from pipelines.export.card import card, columns, header
from pipelines.export.croissant import FILE, croissant
from pipelines.export.dataset import Dataset, Group
from pipelines.export.huggingface import write_parquet
from pipelines.export.rollup import Rollup
from pipelines.export.upstream import write_upstream
from pipelines.journal import Event, telling
from pipelines.new_folder import check_new, new_folder

NOTICES = "notices"

_UPSTREAM_USE = """\
This folder is the `data_root` of upstream's training; `manifest_filepaths` are the `.jsonl` files, one for each split.
`audio` names a FLAC file (mono, 16 kHz, 16 bit) below it, `text` is the transcript, a space where nobody speaks."""
_HUGGING_FACE_USE = """\
`datasets.load_dataset` takes this folder, or its name once it is on a hub; the audio is inside.

{columns}"""


class Exported(Record):
    """What was written."""

    format: str
    folder: str
    run_id: str
    digest: Sha256
    samples: int
    clips: int
    hours: float
    licences: tuple[str, ...]

    def __str__(self) -> str:
        what = f"{self.samples} samples about {self.clips} clips ({self.hours:.2f} h) of run {self.run_id}"
        return f"{self.folder}: {what} as {self.format}; licences {', '.join(self.licences)}"


Writer = Callable[[Dataset, Rollup, Iterable[Group], Path], None]


def export(form: str, run_id: str | None, to: Path, home: Home, notices: Sequence[Path] = ()) -> Exported:
    """Write the accepted dataset of a run, of the latest that succeeded without an id, as a new folder.

    Equal runs give equal bytes. `notices` are files or folders that the licences ask to go along.

    Raises:
        ConfigurationError: an unknown format, run or notice, a run without accepted samples, or `to` exists.
        GateRefused: a gate did not let the run's samples pass.
        ContractError: an artifact of the run, or the journal, is damaged.
        SourceError: the folder cannot be written.
    """
    writer = _writer(form)
    check_new(to)
    if missing := [notice for notice in notices if not notice.exists()]:
        raise ConfigurationError(f"--notice {missing[0]}: no such file or folder")
    run_dir = run_to_export(home, run_id)
    dataset = accepted_dataset(home, run_dir, notices)
    rollup = Rollup(dataset.clips)
    facts = {"run_id": run_dir.name, "format": form, "accepted": dataset.accepted.digest, "folder": str(to.absolute())}
    with telling(home, Event.EXPORT_STARTED, Event.EXPORTED, facts), new_folder(to) as folder:
        _fill(folder, writer, dataset, rollup)
    total = rollup.total
    return Exported(
        format=form,
        folder=str(to),
        run_id=run_dir.name,
        digest=dataset.accepted.digest,
        samples=total.samples,
        clips=total.clips,
        hours=round(total.hours, 4),
        licences=tuple(sorted(rollup.licences)),
    )


def _writer(form: str) -> Writer:
    if form not in FORMATS:
        raise ConfigurationError(f"--format {form}: no such format; known: {', '.join(FORMATS)}")
    return FORMATS[form]


def _fill(folder: Path, writer: Writer, dataset: Dataset, rollup: Rollup) -> None:
    total = dataset.accepted.manifest.counts.rows_out
    groups = rollup.passing(dataset.groups())
    shown = Progress().track(groups, label="export", unit="samples", total=total, size=lambda group: len(group[1]))
    writer(dataset, rollup, shown, folder)
    copy_notices(dataset, folder)


def copy_notices(dataset: Dataset, folder: Path) -> None:
    """Bring what the licences ask to go along below the dataset's folder.

    Raises:
        ConfigurationError: two notices have the same name.
    """
    for notice in dataset.notices:
        _copy(notice, folder / NOTICES / notice.name)


def _copy(notice: Path, to: Path) -> None:
    if os.path.lexists(to):
        raise ConfigurationError(f"--notice {notice}: there is one named {notice.name} already; give it another name")
    to.parent.mkdir(exist_ok=True)
    if notice.is_dir():
        shutil.copytree(notice, to)
    else:
        shutil.copyfile(notice, to)


def _upstream(dataset: Dataset, rollup: Rollup, groups: Iterable[Group], folder: Path) -> None:
    write_upstream(folder, groups)
    (folder / CARD).write_text(card(dataset, rollup, _UPSTREAM_USE), encoding="utf-8")


def _hugging_face(dataset: Dataset, rollup: Rollup, groups: Iterable[Group], folder: Path) -> None:
    write_parquet(folder, groups)
    text = card(dataset, rollup, _HUGGING_FACE_USE.format(columns=columns()))
    (folder / CARD).write_text(header(dataset, rollup) + text, encoding="utf-8")


def _croissant(dataset: Dataset, rollup: Rollup, groups: Iterable[Group], folder: Path) -> None:
    _hugging_face(dataset, rollup, groups, folder)
    described = json.dumps(croissant(dataset, rollup, folder), indent=2, ensure_ascii=False)
    (folder / FILE).write_text(described + "\n", encoding="utf-8")


FORMATS: Mapping[str, Writer] = {"upstream": _upstream, "hf": _hugging_face, "croissant": _croissant}
