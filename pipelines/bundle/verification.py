"""Whether a bundle is what was signed, agrees with itself, with the records of its run, and with the journal."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from components.core.contracts.artifacts import Manifest
from components.core.contracts.errors import ConfigurationError, ContractError
from components.core.contracts.records import Record
from components.core.home import Home
from components.core.runs import read_run, read_stage
from components.core.stages import STAGES
from pipelines.bundle.contents import (
    BUNDLE,
    JOURNAL,
    MANIFESTS,
    PARAMETERS,
    PIPELINE,
    BundleRecord,
    Parameters,
    root_of,
)
from pipelines.bundle.sealing import FOLDER, bundle_digest
from pipelines.bundle.signing import check_signature, fingerprint, public_key_file
from pipelines.journal import Entry, Event, Head, journal_file, read_journal
from pipelines.verify import Verified, run_dir_named

R = TypeVar("R", bound=Record)
_AGAIN = "get the bundle again"


def bundle_named(home: Home, subject: str | None) -> Path:
    """Return a folder, or the bundle of a run, of the run that made a version, or of the newest.

    Raises:
        ConfigurationError: there is no such run, or it has no bundle.
    """
    if subject and Path(subject).is_dir():
        return Path(subject)
    run_dir = run_dir_named(home, subject)
    if not (run_dir / FOLDER).is_dir():
        raise ConfigurationError(
            f"run {run_dir.name}: has no bundle; one that goes on gets it at its end, one that was killed from the next"
        )
    return run_dir / FOLDER


def verify_bundle(folder: Path, public_key: Path | None, home: Home) -> Iterator[Verified]:
    """Yield what was verified; without a key that of the home counts.

    The records of the run and the journal are asked where this home is the run's.

    Raises:
        ConfigurationError: the public key cannot be read.
        ContractError: the first thing that differs.
    """
    key = public_key or public_key_file(home)
    check_signature(folder, key)
    files = sum(file.is_file() for file in folder.rglob("*")) - 1
    yield Verified(name="signature", digest=fingerprint(key), what=f"{files} files, signed with this key")
    bundle = _read(BundleRecord, folder / BUNDLE)
    _check_manifests(folder, bundle)
    yield Verified(name="manifests", digest=bundle.manifest_root, what=f"{len(bundle.results)} with their digests")
    yield from _at_home(folder, bundle, home)


def _at_home(folder: Path, bundle: BundleRecord, home: Home) -> Iterator[Verified]:
    """Compare a bundle with the journal and with the records of its run, where this home has them."""
    run_dir, entries, digest = home.runs / bundle.run_id, read_journal(home), bundle_digest(folder)
    recorded = (run_dir / "run.json").is_file()
    if not recorded and not any(entry.facts.get("run_id") == bundle.run_id for entry in entries):
        yield Verified(name="run", digest=digest, what=f"{bundle.run_id} is not of this home: not compared")
        return
    head = _check_journal(folder, bundle, entries, home)
    yield Verified(name="journal", digest=head.digest, what=f"still has entry {head.number}, and the bundle's own")
    if any(entry.event is Event.ERASURE_STARTED for entry in entries[head.number :]):
        what = f"the records of {bundle.run_id} were written again by an erasure since: not compared"
    elif recorded:
        _check_records(folder, bundle, run_dir)
        what = f"pipeline, parameters and results of {bundle.run_id}"
    else:
        what = f"the records of {bundle.run_id} are gone: not compared"
    yield Verified(name="run", digest=digest, what=what)


def _check_manifests(folder: Path, bundle: BundleRecord) -> None:
    found = {file.stem: file for file in (folder / MANIFESTS).glob("*")}
    if found.keys() != bundle.results.keys():
        odd = min(found.keys() ^ bundle.results.keys())
        raise ContractError(f"{folder / MANIFESTS}: {odd} is only there or only in {BUNDLE}; {_AGAIN}")
    for kind, file in found.items():
        manifest = _read(Manifest, file)
        if not manifest.content_digest() == manifest.digest == bundle.results[kind]:
            raise ContractError(
                f"{file}: does not have the digest {bundle.results[kind]} that {BUNDLE} names; {_AGAIN}"
            )
    if root_of(folder) != bundle.manifest_root:
        raise ContractError(f"{folder / MANIFESTS}: does not give the root {bundle.manifest_root}; {_AGAIN}")


def _check_records(folder: Path, bundle: BundleRecord, run_dir: Path) -> None:
    """Compare a bundle with the records of its run, as far as these are still there."""
    parameters, recorded = _read(Parameters, folder / PARAMETERS), Parameters.of(read_run(run_dir))
    for name in Parameters.model_fields:
        if getattr(parameters, name) != getattr(recorded, name):
            raise _differs(folder / PARAMETERS, f"its {name}", run_dir / "run.json")
    pipeline, compiled = folder / PIPELINE, run_dir / PIPELINE
    if pipeline.is_file() and compiled.is_file() and pipeline.read_bytes() != compiled.read_bytes():
        raise _differs(pipeline, "it", compiled)
    for stage in STAGES:
        record, digest = read_stage(run_dir, stage.name), bundle.results.get(stage.output)
        if record and digest and stage.output in record.outputs and record.outputs[stage.output].digest != digest:
            raise _differs(folder / MANIFESTS / f"{stage.output}.json", "its digest", run_dir / "stages")


def _check_journal(folder: Path, bundle: BundleRecord, entries: Sequence[Entry], home: Home) -> Head:
    head, file = _read(Head, folder / JOURNAL), journal_file(home)
    if len(entries) < head.number:
        raise ContractError(
            f"{file}: has {len(entries)} entries, and the bundle saw {head.number}: its end was cut off; restore it"
        )
    if head.number and entries[head.number - 1].digest != head.digest:
        raise ContractError(f"{file}: line {head.number} is not what the bundle saw: it was written anew; restore it")
    told = _told_of(entries, bundle.run_id)
    if told not in (None, bundle_digest(folder)):
        raise ContractError(f"{folder}: is not the bundle {told} that the journal names; the run made another one")
    return head


def _told_of(entries: Sequence[Entry], run_id: str) -> Any:
    ended = (entry.facts for entry in entries if entry.event is Event.RUN_ENDED)
    return next((facts.get("bundle") for facts in ended if facts.get("run_id") == run_id), None)


def _read(record: type[R], file: Path) -> R:
    try:
        return record.model_validate_json(file.read_bytes(), strict=False)
    except (OSError, ValidationError) as error:
        raise ContractError(f"{file}: is missing or not what a bundle has there; {_AGAIN}") from error


def _differs(file: Path, what: str, record: Path) -> ContractError:
    return ContractError(f"{file}: {what} is not what {record} says; one of the two was changed")
