"""The certificate of an erasure: what was removed, by digest, for an auditor who looks for it again."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from components.core.contracts.errors import ConfigurationError, ContractError
from components.core.contracts.records import Record, Sha256
from components.core.digests import digest_of
from components.core.home import Home
from pipelines.erasure.absence import Scanned
from pipelines.erasure.folders import CERTIFICATE
from pipelines.erasure.models import MarkedModel
from pipelines.erasure.planning import Plan
from pipelines.erasure.results import Replaced
from pipelines.erasure.subject import Traces

VERSION = 1
_SHOWN = 16


class Removed(Record):
    """A file that was removed, or written again without what it held."""

    place: str
    sha256: Sha256


class Certificate(Record):
    """What an erasure removed; `subject` is the digest of its kind and name, `digest` that of all else here.

    `journal` is the digest of the journal's entry about the beginning: cut off, the journal no longer has it.
    """

    version: int
    erasure: str
    subject_kind: str
    subject: Sha256
    reason: str
    planned_at: str
    ended_at: str
    removed: Traces
    files: tuple[Removed, ...]
    objects: Mapping[str, tuple[str, ...]]
    results: tuple[Replaced, ...]
    models: tuple[MarkedModel, ...]
    people: tuple[str, ...]
    scanned: Scanned
    journal: Sha256
    digest: Sha256

    def content_digest(self) -> str:
        """Return the digest of all that the certificate says."""
        return digest_of(self.model_dump(mode="json", exclude={"digest"}))

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def certificate_of(
    plan: Plan, results: tuple[Replaced, ...], scanned: Scanned, journal: str, ended_at: str
) -> Certificate:
    """Write down what a finished erasure removed; nothing in it names the subject."""
    draft = Certificate(
        version=VERSION,
        erasure=plan.erasure,
        subject_kind=plan.erased.subject.kind,
        subject=plan.erased.subject.digest,
        reason=plan.reason,
        planned_at=plan.at,
        ended_at=ended_at,
        removed=plan.erased.traces,
        files=tuple(Removed(place=each.place, sha256=each.sha256) for each in plan.files),
        objects=plan.objects,
        results=results,
        models=plan.models,
        people=plan.people,
        scanned=scanned,
        journal=journal,
        digest="0" * 64,
    )
    return draft.model_copy(update={"digest": draft.content_digest()})


def read_certificate(file: Path) -> Certificate:
    """Read a certificate back.

    Raises:
        ConfigurationError: there is no such file.
        ContractError: it is none, or says something else than was certified.
    """
    try:
        certificate = Certificate.model_validate_json(file.read_bytes(), strict=False)
    except OSError as error:
        raise ConfigurationError(
            f"--erased {file}: cannot be read: {error.strerror}; it lies in erasures/<id>/"
        ) from error
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_url=False)[0]["loc"]))
        raise ContractError(f"{file}: no certificate of an erasure: {where or 'content'}; restore it") from error
    if certificate.content_digest() != certificate.digest:
        raise ContractError(f"{file}: is not what was certified: its content does not give {certificate.digest}")
    return certificate


def replaced_in(home: Home) -> dict[str, str]:
    """Return which results gave way to which in the erasures of a home, by digest.

    Raises:
        ContractError: a certificate is damaged.
    """
    certificates = map(read_certificate, sorted(home.erasures.glob(f"*/{CERTIFICATE}")))
    results = (each for certificate in certificates for each in certificate.results)
    return {each.digest: each.new_digest for each in results if each.digest != each.new_digest}


def latest_of(digest: str, replaced: Mapping[str, str]) -> str:
    """Return the digest of the version that a result has now."""
    while digest in replaced:
        digest = replaced[digest]
    return digest


def _lines(certificate: Certificate) -> Iterator[str]:
    removed = certificate.removed
    yield f"# Erasure {certificate.erasure}"
    yield ""
    yield f"Subject: {certificate.subject_kind}, sha256 `{certificate.subject}` of `{certificate.subject_kind}:NAME`"
    yield f"Reason: {certificate.reason}"
    yield f"Planned {certificate.planned_at}, ended {certificate.ended_at}"
    yield f"Certificate sha256 `{certificate.digest}`, journal entry `{certificate.journal}`"
    yield ""
    yield f"- {len(removed.clips)} clips, {len(removed.samples)} samples, {len(removed.sources)} original files"
    yield f"- {len(certificate.files)} files of the home and data/, {len(removed.objects)} objects of DVC"
    for result in certificate.results:
        change = f"`{result.digest[:_SHOWN]}` is now `{result.new_digest[:_SHOWN]}`"
        yield f"- {result.stage}: {change}, {result.rows} rows and {len(result.dropped)} documents left"
    yield f"- looked at afterwards: {certificate.scanned}; nothing is left but what people have to do"
    yield ""
    yield "## Models that learned from it" if certificate.models else "No model learned from it."
    yield from (f"- {model}" for model in certificate.models)
    yield ""
    yield "## Left to people"
    yield from (f"- {line}" for line in certificate.people)
