"""What is to be erased, and by which words and digests it is known wherever it lies."""

from typing import Literal, Self

from pydantic import Field, model_validator

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record, Sha256
from components.core.digests import digest_of_bytes


class Subject(Record):
    """A speaker, a clip by its id, or a file of a corpus as `CORPUS/PATH`."""

    kind: Literal["speaker", "clip", "source"]
    name: str = Field(min_length=1)

    @property
    def digest(self) -> str:
        """By which a certificate names it: whoever knows the name can compute it, nobody can read it there.

        The sha256 of the kind, a colon and the name, as in `printf 'speaker:anna' | sha256sum`.
        """
        return digest_of_bytes(f"{self.kind}:{self.name}".encode())


class Traces(Record):
    """The digests of what was erased: enough to find it again, and nothing of what it was.

    `sources` are original files by their content, `files` are all files that held something of it, `objects` are those
    of DVC by md5, `speaker` is the digest of the subject where that is a speaker.
    """

    speaker: Sha256 | None
    clips: tuple[Sha256, ...]
    samples: tuple[Sha256, ...]
    sources: tuple[Sha256, ...]
    files: tuple[Sha256, ...] = ()
    objects: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.clips or self.sources):
            raise ValueError("names neither a clip nor a source")
        return self


class Erased(Record):
    """What is known of the subject while it is being erased, in clear; none of `words` belongs to anything that stays.

    `places` are recordings as `CORPUS/PATH`, or `CORPUS/PATH@SECONDS` where other stretches of the file stay.
    """

    subject: Subject
    traces: Traces
    places: tuple[str, ...]
    words: tuple[str, ...]


def subject_of(speaker: str | None, clip: str | None, source: str | None) -> Subject:
    """Return what a command line names.

    Raises:
        ConfigurationError: it names none, more than one, or something that cannot be.
    """
    named = {"speaker": speaker, "clip": clip, "source": source}
    (kind, name), *others = [(kind, name) for kind, name in named.items() if name is not None] or [("", "")]
    if not kind or others:
        raise ConfigurationError("desta erase: name one of --speaker NAME, --clip ID and --source CORPUS/PATH")
    if not name or not name.isprintable():
        raise ConfigurationError(f"--{kind} {name!r}: want a name without control characters")
    return Subject.model_validate({"kind": kind, "name": name})
