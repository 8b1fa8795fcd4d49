"""Debian packages as a source: fetch them, check their versions, read their terms."""

import gzip
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from components.core.contracts.errors import SourceError

DOCUMENTS = Path("usr/share/doc")


def fetch(packages: Mapping[str, str], root: Path) -> None:
    """Download each package in its version and unpack it into `root`; nothing is installed.

    Raises:
        SourceError: apt-get or dpkg failed; the line holds what it said.
    """
    root.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch:
        for number, (name, version) in enumerate(packages.items(), start=1):
            print(f"fetch {number}/{len(packages)}: {name} {version}", flush=True)
            _run("apt-get", "download", f"{name}={version}", folder=Path(scratch))
            (archive,) = Path(scratch).glob(f"{name}_*.deb")
            _run("dpkg", "-x", str(archive), str(root.resolve()), folder=Path(scratch))
            archive.unlink()


def check_versions(packages: Mapping[str, str], root: Path) -> None:
    """Refuse with SourceError unless each package lies below `root` in exactly its version."""
    for name, version in packages.items():
        changelog = root / DOCUMENTS / name / "changelog.Debian.gz"
        try:
            with gzip.open(changelog, "rt", encoding="utf-8", errors="replace") as file:
                found = re.search(r"\((.+?)\)", file.readline())
        except OSError as error:
            raise SourceError(
                f"{changelog}: {error.strerror}: unpack {name} {version} there, or use --fetch"
            ) from error
        if found is None or found[1] != version:
            raise SourceError(f"{changelog}: says {found and found[1]}, want {name} {version}: use --fetch")


def terms_of(name: str, root: Path) -> str:
    """Read the copyright file of a package: its authors and its licence, as Debian wrote them down."""
    path = root / DOCUMENTS / name / "copyright"
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}: {name} cannot be used without its terms") from error


def _run(*command: str, folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise SourceError(
            f"{command[0]}: not found: --fetch needs a Debian system, elsewhere unpack by hand"
        ) from error
    except subprocess.CalledProcessError as error:
        raise SourceError(f"{' '.join(command)}: {' '.join(error.stderr.split())}") from error
