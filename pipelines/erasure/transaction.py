"""An erasure as one transaction: begun with its plan, done step by step, ended with its certificate."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from components.core.contracts.errors import ConfigurationError, ContractError, SourceError
from components.core.home import Home
from components.core.publishing import alone, explaining_no_room, write_file
from pipelines.erasure.absence import Scanned
from pipelines.erasure.certificate import Certificate, certificate_of, read_certificate
from pipelines.erasure.folders import READABLE, ErasureFolder
from pipelines.erasure.planning import Plan, plan_erasure
from pipelines.erasure.steps import STEPS, Work
from pipelines.erasure.subject import Subject
from pipelines.erasure.unfinished import require_none_unfinished, unfinished_erasure
from pipelines.journal import Event, read_journal, record_event
from pipelines.lock import run_lock

Told = Callable[[str], None]


@contextmanager
def erasing(home: Home, root: Path) -> Iterator[None]:
    """Keep runs and publications away.

    Raises:
        ConfigurationError: a run is under way.
        SourceError: the disk is full, or something cannot be removed.
    """
    guard = alone(root / ".dvc" / "tmp" / "desta-publish.lock") if (root / ".dvc").is_dir() else _nobody()
    with run_lock(home, "erasure"), guard:
        try:
            with explaining_no_room("desta erase", home.root):
                yield
        except OSError as error:
            raise SourceError(
                f"{error.filename or home.root}: cannot be read or changed: {error.strerror or error}; mend it, then "
                "`desta erase --resume`"
            ) from error


@contextmanager
def _nobody() -> Iterator[None]:
    yield


def plan(subject: Subject, reason: str, home: Home, root: Path) -> Plan:
    """Plan an erasure; nothing is touched.

    Raises:
        ConfigurationError: there is nothing to erase, or another erasure was not finished.
    """
    require_none_unfinished(home)
    return plan_erasure(subject, reason, home, root)


def begin(planned: Plan, home: Home) -> ErasureFolder:
    """Begin an erasure; from now on only its end lets runs start again."""
    folder = ErasureFolder(home.erasures / planned.erasure)
    folder.begin(planned)
    return folder


def to_resume(home: Home) -> ErasureFolder:
    """Return the erasure that was begun and not finished.

    Raises:
        ConfigurationError: there is none.
    """
    if left := unfinished_erasure(home):
        return ErasureFolder(left)
    raise ConfigurationError(f"{home.erasures}: no erasure waits to be finished")


def carry_out(folder: ErasureFolder, home: Home, root: Path, tell: Told) -> Certificate:
    """Do what is left of an erasure, and certify it.

    Raises:
        ContractError: its plan is damaged, or something of the subject is left in the end.
        DestaError: a step failed; the erasure can be resumed.
    """
    work = Work(folder.plan(), folder, home, root)
    for name, step in STEPS.items():
        if not folder.is_done(name):
            tell(name)
            folder.mark_done(name, step(work))
    return _certify(work)


def _certify(work: Work) -> Certificate:
    """Write the certificate, tell the journal, and only then forget whom it was about."""
    file = work.folder.certificate
    certificate = read_certificate(file) if file.is_file() else _certificate(work)
    write_file(work.folder.folder / READABLE, f"{certificate}\n")
    write_file(file, certificate.model_dump_json(indent=1) + "\n")
    told = (entry for entry in read_journal(work.home) if entry.event is Event.ERASED)
    if certificate.erasure not in {entry.facts.get("erasure") for entry in told}:
        counts = {"results": len(certificate.results), "models": len(certificate.models)}
        facts = {"erasure": certificate.erasure, "certificate": certificate.digest, **counts}
        record_event(work.home, Event.ERASED, facts)
    work.folder.forget_plan()
    return certificate


def _certificate(work: Work) -> Certificate:
    scanned = Scanned.model_validate(work.folder.result_of("verification"))
    results = tuple(work.replaced("results", "published"))
    ended_at = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    return certificate_of(work.plan, results, scanned, _begun(work), ended_at)


def _begun(work: Work) -> str:
    for entry in read_journal(work.home):
        if entry.event is Event.ERASURE_STARTED and entry.facts.get("erasure") == work.plan.erasure:
            return entry.digest
    raise ContractError(f"{work.home.root}: the journal does not tell of erasure {work.plan.erasure}; restore it")
