"""Published datasets: accepted samples and their clips under `data/published/<name>/`, complete and verified.

<name>/  accepted/  clips/  README.md  notices/  published.json
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from components.core.contracts.artifacts import Artifact, open_artifact
from components.core.contracts.errors import ConfigurationError, ContractError
from components.core.contracts.records import Record, Sha256
from components.core.home import Home
from components.core.publishing import published as appearing
from components.core.runs import Output, StageRecord, State, stage_file, write_record
from components.core.stages import STAGES, stage_named
from pipelines.publish.versions import data_versions

FOLDER = Path("data") / "published"
RECORD = "published.json"
TAKEN = ("ingest_audio", "validate_data")
"""The stages whose results are published, and taken as they are by a run that starts there."""
LATER = STAGES[[stage.name for stage in STAGES].index(TAKEN[-1]) + 1 :]
"""The stages that such a run goes through."""


class PublishedRecord(Record):
    """What a published dataset is and where it came from; the digests are those of the two artifacts."""

    name: str
    run_id: str
    data_revision: str
    code_version: str
    llm: str
    accepted: Sha256
    clips: Sha256

    @property
    def content(self) -> tuple[str, str]:
        """What makes two published datasets the same."""
        return self.accepted, self.clips


@dataclass(frozen=True, kw_only=True)
class Published:
    """A published dataset on disk: its verified results by the stage that made each, in a revision of `data/`."""

    record: PublishedRecord
    revision: str
    results: Mapping[str, Artifact]

    @property
    def data_revision(self) -> str:
        """What a run that starts here records as the data it reads."""
        return f"dvc:{self.revision} published:{self.record.name} accepted:{self.record.accepted}"

    @property
    def parameters(self) -> dict[str, str]:
        """The arguments of a graph that starts here, in the place of corpora."""
        return {artifact.manifest.kind: str(artifact.folder) for artifact in self.results.values()}

    def write_taken(self, run_dir: Path) -> None:
        """Record in a run the stages whose results it takes as they are."""
        for stage, artifact in self.results.items():
            write_record(stage_file(run_dir, stage), _taken(stage, artifact))


def starts_from_published(parameters: Mapping[str, Any]) -> bool:
    """Tell by its arguments whether a run starts from a published dataset."""
    return "accepted" in parameters


def open_results(folder: Path, record: PublishedRecord) -> dict[str, Artifact]:
    """Open and verify what a published dataset holds, by the stage that made it.

    Raises:
        ContractError: something is damaged, or is not what the record names.
    """
    results = {}
    for stage in TAKEN:
        kind = stage_named(stage).output
        results[stage] = open_artifact(folder / kind, kind)
        if results[stage].digest != getattr(record, kind):
            raise ContractError(f"{folder / kind}: is not what {folder / RECORD} names; `dvc checkout` restores it")
    return results


def _taken(stage: str, artifact: Artifact) -> StageRecord:
    manifest = artifact.manifest
    return StageRecord(
        stage=stage,
        state=State.SUCCEEDED,
        reused=True,
        rows_in=manifest.counts.rows_in,
        rows_out=manifest.counts.rows_out,
        refused=manifest.counts.refused,
        seconds=0.0,
        started_s=time.time(),
        outputs={manifest.kind: Output(digest=artifact.digest, path=str(artifact.folder))},
        facts=manifest.facts,
    )


def checked_name(name: str) -> str:
    """Return a name that can be a folder and be followed by `@REVISION`.

    Raises:
        ConfigurationError: it cannot.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ConfigurationError(
            f"name {name!r}: want letters, digits, dots, dashes and underscores, a letter or digit first"
        )
    return name


def read_record(folder: Path) -> PublishedRecord:
    """Read what a folder says that it is.

    Raises:
        ContractError: it is not a published dataset.
    """
    file = folder / RECORD
    try:
        return PublishedRecord.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise ContractError(
            f"{file}: not the record of a published dataset; `dvc checkout` restores {folder}"
        ) from error


def open_published(reference: str, home: Home, root: Path) -> Published:
    """Open `NAME`, as `data/` has it, or `NAME@REVISION`: a Git revision, or the md5 that `desta publish` printed.

    An earlier revision is brought below the home, from DVC's cache or remote. Every byte is verified.

    Raises:
        ConfigurationError: there is no such dataset or revision.
        SourceError: DVC cannot bring it.
        ContractError: it is damaged.
    """
    name, _, revision = reference.partition("@")
    folder = FOLDER / checked_name(name)
    with data_versions(root) as versions:
        pointer, place = versions.revision, root / folder
        if revision and revision not in (pointer, pointer.removesuffix(".dir")):
            commit, pointer = versions.commit_of(revision)
            place = home.root / "published" / pointer.removesuffix(".dir") / name
            if not place.is_dir():
                with appearing(place) as draft:
                    draft.rmdir()
                    versions.get(folder, commit, draft)
    if not place.is_dir():
        raise ConfigurationError(f"{place}: no such published dataset; {_known(place.parent)}")
    record = read_record(place)
    return Published(record=record, revision=pointer, results=open_results(place, record))


def _known(folder: Path) -> str:
    names = sorted(file.parent.name for file in folder.glob(f"*/{RECORD}"))
    return (
        f"there are: {', '.join(names)}" if names else "`desta publish` makes one, `dvc pull` brings what others made"
    )
