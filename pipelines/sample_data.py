"""The sample corpora under data/, which `data.dvc` points to."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from components.core.contracts.errors import SourceError
from components.core.privacy import PRIVATE_ENVIRONMENT

ROOT = Path(__file__).resolve().parents[1]
POINTER = ROOT / "data.dvc"
_CORPORA = ROOT / "data" / "corpora"


def sample_corpora() -> tuple[Path, ...]:
    """Return the folders of the sample corpora in the order of their names; none before the data were pulled."""
    return tuple(sorted(file.parent for file in _CORPORA.glob("*/corpus.yaml")))


def pull_sample_data() -> None:
    """Bring data/ here from the repository's own DVC remote.

    Raises:
        SourceError: DVC cannot; with its last line.
    """
    command = [sys.executable, "-m", "dvc", "pull", "--quiet", POINTER.name]
    environment = {**os.environ, **PRIVATE_ENVIRONMENT}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode or not sample_corpora():
        said = (done.stderr or done.stdout).strip().splitlines()
        reason = said[-1] if said else "it has no corpora"
        raise SourceError(f"{POINTER}: cannot pull the sample data: {reason}; try `dvc pull` in {ROOT}")


def data_pointer() -> str | None:
    """Return the md5 by which DVC names the content of data/, or `None` outside a checkout."""
    if not POINTER.is_file():
        return None
    return pointed_to(POINTER.read_text(encoding="utf-8"))


def pointed_to(pointer: str) -> str:
    """Return the md5 in the text of `data.dvc`.

    Raises:
        SourceError: there is none.
    """
    try:
        return str(yaml.safe_load(pointer)["outs"][0]["md5"])
    except (yaml.YAMLError, KeyError, IndexError, TypeError) as error:
        raise SourceError(f"{POINTER.name}: names no data; `git checkout {POINTER.name}` restores it") from error


def sample_notices() -> tuple[Path, ...]:
    """Return what the sample corpora's licences ask to go with them."""
    paths = (ROOT / "data" / "NOTICE", ROOT / "data" / "licences")
    return tuple(path for path in paths if path.exists())
