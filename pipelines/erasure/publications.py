"""New versions of published datasets below `data/`, in the place of those that held something of the subject."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from components.core.cards import CARD
from components.core.contracts.artifacts import open_artifact, read_manifest
from components.core.home import Home
from components.core.publishing import published, write_file
from components.core.runs import read_run, read_stage
from components.core.stages import stage_named
from pipelines.erasure.results import Versions
from pipelines.export.accepted import recipe_of
from pipelines.export.card import card
from pipelines.export.dataset import Dataset, Recipe
from pipelines.export.rollup import Rollup
from pipelines.publish.published import RECORD, PublishedRecord, open_results, read_record
from pipelines.publish.publishing import USE


def republish(folder: Path, versions: Versions, records: Path, home: Home) -> None:
    """Write a published dataset again without the subject's rows; one without any accepted sample left goes whole.

    What gave way is recorded before anything is removed, so that a kill costs nothing.

    Raises:
        ContractError: the dataset is damaged.
    """
    fresh = folder.with_name(f".{folder.name}.erased")
    if not (records / "done").is_file():
        shutil.rmtree(fresh, ignore_errors=True)
        with published(fresh) as draft:
            _write(folder, draft, versions, records, home)
        write_file(records / "done", "")
    if fresh.is_dir():
        shutil.rmtree(folder, ignore_errors=True)
        if read_manifest(fresh / "accepted").counts.rows_out:
            fresh.replace(folder)
        else:
            shutil.rmtree(fresh)


def _write(folder: Path, draft: Path, versions: Versions, records: Path, home: Home) -> None:
    record, digests = read_record(folder), {}
    for stage, artifact in open_results(folder, record).items():
        kind = stage_named(stage).output
        replaced = versions.make(artifact, draft / kind)
        digests[kind] = replaced.new_digest
        write_file(records / f"{kind}.json", replaced.model_dump_json())
    after = record.model_copy(update=digests)
    made = {kind: open_artifact(draft / kind, kind) for kind in digests}
    dataset = Dataset(accepted=made["accepted"], clips=made["clips"], recipe=_recipe(record, home), notices=())
    rollup = Rollup(dataset.clips)
    for _ in rollup.passing(dataset.groups()):
        pass
    (draft / CARD).write_text(card(dataset, rollup, USE.format(name=record.name)), encoding="utf-8")
    (draft / RECORD).write_text(after.model_dump_json(indent=1) + "\n", encoding="utf-8")
    for name in sorted({path.name for path in folder.iterdir()} - {CARD, RECORD, *digests}):
        _copy(folder / name, draft / name)


def _copy(old: Path, new: Path) -> None:
    if old.is_dir():
        shutil.copytree(old, new)
    else:
        shutil.copy2(old, new)


def _recipe(record: PublishedRecord, home: Home) -> Recipe:
    """Return how the samples were made, as the run says that published them, or else as the record does."""
    run_dir = home.runs / record.run_id
    made = read_stage(run_dir, "self_generate")
    if made and (output := made.outputs.get("samples")) and (Path(output.path) / "manifest.json").is_file():
        return recipe_of(read_manifest(Path(output.path)), read_run(run_dir), home)
    return Recipe(llm=record.llm, llm_licence=None, prompt_pools={}, made_on=datetime.now(UTC).date())
