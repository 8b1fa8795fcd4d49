"""The commands about erasure, and what is to be seen after them."""

from pathlib import Path

import pytest

from components.core.contracts.artifacts import Artifact, open_artifact
from components.core.home import Home
from components.core.runs import read_stage
from pipelines.cli import main
from tests.pipelines.erasure.looking import traces_below
from tests.pipelines.erasure.making import RUN


def desta(*argv: str) -> int:
    """Run a command, and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(list(argv))
    return int(str(ended.value.code))


def erase(*argv: str) -> int:
    """Erase without being asked."""
    return desta("erase", "--reason", "withdrew consent", "--yes", *argv)


def certificate_in(home: Home) -> Path:
    """The newest certificate of a home."""
    return max(home.erasures.glob("*/certificate.json"), key=lambda file: file.stat().st_mtime_ns)


def now(home: Home, stage: str) -> Artifact:
    """The result of a stage that the record of the run names."""
    record = read_stage(home.runs / RUN, stage)
    assert record
    (output,) = record.outputs.values()
    artifact = open_artifact(Path(output.path))
    assert artifact.digest == output.digest
    assert (record.rows_in, record.rows_out) == (artifact.manifest.counts.rows_in, artifact.manifest.counts.rows_out)
    return artifact


def places_of(home: Home, root: Path) -> list[Path]:
    """Everywhere that something can be."""
    return [home.root, root / "data", root / ".dvc" / "cache", root.parent / "remote"]


def left_in(home: Home, root: Path, telling: set[bytes]) -> list[str]:
    """Say where anything telling is left, but for what names digests on purpose."""
    evidence = (str(home.tombstones), str(home.erasures), str(home.root / "journal.jsonl"))
    found = [line for place in places_of(home, root) for line in traces_below(place, telling)]
    return [line for line in found if not line.startswith(evidence)]
