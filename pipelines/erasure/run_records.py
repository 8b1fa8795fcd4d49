"""The folders of runs after an erasure: records name the new versions of results, and nothing names the subject."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from components.core.contracts.artifacts import read_manifest
from components.core.contracts.errors import ContractError
from components.core.home import Home
from components.core.publishing import write_file
from components.core.runs import Output, StageRecord, read_stage, stage_file, write_record
from components.core.stages import STAGES
from pipelines.erasure.places import BUNDLE, files_below, mapped
from pipelines.erasure.results import Replaced
from pipelines.erasure.searching import Searcher, forms_of
from pipelines.erasure.subject import Erased
from pipelines.publish.published import FOLDER

PASSING = ("kfp", "workspace", "tmp")
"""What kfp leaves in the folder of a run that was killed: its task outputs are links to results."""
IN_PLACE_OF = "[erased]"
_PAGES = frozenset({".html", ".parquet", ".flac", ".wav"})


def rewrite_runs(home: Home, root: Path, erased: Erased, replaced: Sequence[Replaced]) -> None:
    """Bring the folder of every run up to date."""
    searcher = Searcher(erased.traces, erased.words)
    for run_dir in sorted(file.parent for file in home.runs.glob("*/run.json")):
        for name in PASSING:
            shutil.rmtree(run_dir / name, ignore_errors=True)
        for stage in STAGES:
            _follow(run_dir, stage.name, replaced, root)
        for file in files_below(run_dir):
            if BUNDLE not in file.relative_to(run_dir).parts[:1]:
                redact(file, erased, searcher)


def redact(file: Path, erased: Erased, searcher: Searcher) -> None:
    """Take what tells of the subject out of a text file; a page, which shows and plays it, goes whole."""
    with mapped(file) as data:
        if not searcher.find(file.name, data):
            return
        text = bytes(data)
    if file.suffix in _PAGES:
        file.unlink()
    else:
        write_file(file, redacted(text, erased))


def redacted(text: bytes, erased: Erased) -> bytes:
    """Return a text without the subject's ids and words."""
    traces = erased.traces
    words = (form for word in erased.words for form in forms_of(word))
    for telling in sorted({*words, *traces.clips, *traces.samples, *traces.sources}, key=len, reverse=True):
        text = text.replace(telling.encode(), IN_PLACE_OF.encode())
    return text


def _follow(run_dir: Path, stage: str, replaced: Sequence[Replaced], root: Path) -> None:
    """Let the record of a stage name the new version of its result, with the counts and facts of that."""
    try:
        record = read_stage(run_dir, stage)
    except ContractError:
        return  # what is damaged names nothing; `desta doctor` tells of it
    if record and (changed := _followed(record, replaced, root)) != record:
        write_record(stage_file(run_dir, stage), changed)


def _followed(record: StageRecord, replaced: Sequence[Replaced], root: Path) -> StageRecord:
    outputs = dict(record.outputs)
    for word, output in record.outputs.items():
        path = Path(output.path)
        same = [each for each in replaced if each.digest == output.digest]
        if new := next((each for each in same if each.key == path.name), next(iter(same), None)):
            outputs[word] = Output(digest=new.new_digest, path=str(_new_place(path, new, root)))
    if outputs == record.outputs:
        return record
    try:
        manifest = read_manifest(Path(next(iter(outputs.values())).path))
    except ContractError:
        return record.model_copy(update={"outputs": outputs})
    counts = manifest.counts
    changes = {"rows_in": counts.rows_in, "rows_out": counts.rows_out, "refused": counts.refused}
    return record.model_copy(update={"outputs": outputs, "facts": manifest.facts, **changes})


def _new_place(old: Path, new: Replaced, root: Path) -> Path:
    """Return where the new version of a result is: beside the old one, or where a published dataset has it."""
    if old.name == new.key:
        return old.parent / new.new_key
    current = root / FOLDER / old.parent.name / old.name
    return current if current.is_dir() else old
