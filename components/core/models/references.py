"""References: the words by which a run names a model."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

from components.core.contracts.errors import ConfigurationError
from components.core.digests import digest_of


class Origin(StrEnum):
    """Where a model comes from."""

    HUB = "hf"
    PACKAGE = "pypi"
    FOLDER = "folder"


@dataclass(frozen=True)
class Reference:
    """A model's name: a repository at a revision, a distribution at a version, or a folder in a certain state."""

    text: str
    origin: Origin
    name: str
    version: str

    @property
    def key(self) -> str:
        """A file name that no other reference has; a folder that changed gets another one."""
        if self.origin is Origin.FOLDER:
            return f"{self.origin}-{digest_of([self.name, self.version])}"
        return quote(self.text, safe="")


_FORMS = {
    Origin.HUB: re.compile(r"hf://(?P<name>\w[\w.-]*/\w[\w.-]*)@(?P<version>\w[\w./-]*)", re.ASCII),
    Origin.PACKAGE: re.compile(r"pypi://(?P<name>\w[\w.-]*)@(?P<version>\w[\w.!+]*)", re.ASCII),
}
_USAGE = "want hf://org/name@revision, pypi://distribution@version or a folder"


def parse_reference(text: str) -> Reference:
    """Read a reference; a relative folder is taken from the working directory.

    Raises:
        ConfigurationError: it has none of the three forms, or the folder does not exist.
    """
    for origin, form in _FORMS.items():
        if match := form.fullmatch(text):
            return Reference(text, origin, match["name"], match["version"])
    if "://" in text or not text.strip():
        raise ConfigurationError(f"model reference {text!r}: not understood; {_USAGE}")
    folder = Path(text).absolute()
    if not folder.is_dir():
        raise ConfigurationError(f"model reference {text!r}: no such folder; {_USAGE}")
    return Reference(text, Origin.FOLDER, str(folder), _state(folder))


def hub_repository(text: str) -> str | None:
    """Return the repository on the Hub that a reference names, `None` where it names something else."""
    match = _FORMS[Origin.HUB].fullmatch(text)
    return match["name"] if match else None


def _state(folder: Path) -> str:
    """Digest what the file system knows of the files, so that an edited folder is not mistaken for the stored one."""
    stats = {file.name: file.stat() for file in folder.iterdir() if file.is_file()}
    return digest_of({name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()})
