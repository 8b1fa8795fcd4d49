"""Where a benchmark's official files are: a folder, or a repository on a hub that is brought into the home once.

A folder with `SHA256SUMS`, in the form that `sha256sum` writes, is held to it; one that was brought has it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.corpora.repository import bring
from components.core.digests import digest_of_file
from components.core.home import Home
from components.core.models.references import Origin, parse_reference
from components.core.publishing import alone, write_file

SUMS = "SHA256SUMS"


def data_folder(given: str, home: Home) -> Path:
    """Return the folder that `--data` names: itself, or where the dataset `hf://org/name@revision` was brought.

    Raises:
        ConfigurationError: it has another form, or was not brought yet.
    """
    if "://" not in given:
        return Path(given)
    folder = _place(given, home)
    if not (folder / SUMS).is_file():
        raise ConfigurationError(
            f"--data {given}: is not in {folder.parent} yet; `desta score` and `desta evaluate` bring it"
        )
    return folder


def bring_data(given: str, home: Home) -> None:
    """Bring the dataset `hf://org/name@revision` into the home, where it is not there yet.

    Raises:
        ConfigurationError: it has another form.
        SourceError: the hub did not give it.
    """
    folder, reference = _place(given, home), parse_reference(given)
    with alone(folder.with_name(f".{folder.name}.lock")):
        if not (folder / SUMS).is_file():
            bring(reference.name, reference.version, folder, where=f"--data {given}")
            write_file(folder / SUMS, "".join(f"{digest_of_file(folder / name)}  {name}\n" for name in _names(folder)))


def _place(given: str, home: Home) -> Path:
    reference = parse_reference(given)
    if reference.origin is not Origin.HUB:
        raise ConfigurationError(f"--data {given}: want a folder, or a dataset as hf://org/name@revision")
    return home.root / "benchmarks" / reference.key


def _names(folder: Path) -> list[str]:
    """Return the files of a repository; what the hub's client notes beside them is hidden."""
    paths = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    return sorted(path.as_posix() for path in paths if not path.parts[0].startswith("."))


def verify(folder: Path, files: Iterator[Path]) -> Iterator[Path]:
    """Yield files of a folder, each once its digest is that of the folder's `SHA256SUMS`, if it has one.

    Raises:
        SourceError: a file has another digest or none there, or the sums cannot be read.
    """
    sums = _sums(folder / SUMS)
    for file in files:
        wanted = None if sums is None else sums.get(file.relative_to(folder).as_posix(), "no digest")
        if wanted is not None and (found := digest_of_file(file)) != wanted:
            raise SourceError(f"{file}: is {found}, and {folder / SUMS} has {wanted} for it; restore the file")
        yield file


def _sums(file: Path) -> Mapping[str, str] | None:
    if not file.is_file():
        return None
    try:
        lines = [line.split(maxsplit=1) for line in file.read_text("utf-8").splitlines() if line.strip()]
        return {name.lstrip("*").removeprefix("./"): digest.lower() for digest, name in lines}
    except (OSError, ValueError) as error:
        raise SourceError(f"{file}: cannot be read as `sha256sum` writes it: {error}; write it again") from error
