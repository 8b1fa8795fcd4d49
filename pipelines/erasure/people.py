"""What an erasure cannot reach: each thing with what people have to do about it."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from components.core.contracts.errors import DestaError
from components.core.corpora.policy import read_policy
from components.core.home import Home
from components.core.runs import passing_over, read_run, run_dirs
from pipelines.erasure.found import Found
from pipelines.erasure.objects import Objects
from pipelines.erasure.subject import Erased


def left_to_people(
    files: Iterable[Found], erased: Erased, home: Home, root: Path, objects: Objects | None
) -> Iterator[str]:
    """Yield what is out of reach, each with what is to be done about it."""
    yield from _other_corpora(erased, home, root)
    yield "folders that `desta export` wrote, and copies that people made: remove them, or export again"
    if not home.tracking_uri.startswith("sqlite:"):
        yield f"{home.tracking_uri}: what this server keeps of removed artifacts, and its backups"
    yield from _other_remotes(objects) if objects else ()
    yield from chain(_shared_files(erased), _containers(files, root))


def _other_corpora(erased: Erased, home: Home, root: Path) -> Iterator[str]:
    """Yield corpora outside of `data/` that runs read, where they hold recordings of it or cannot be asked any more."""
    own, runs = (root / "data").resolve(), passing_over(run_dirs(home.runs), read_run)
    for corpus in dict.fromkeys(str(corpus) for run in runs for corpus in run.parameters.get("corpora", ())):
        outside = not Path(corpus).resolve().is_relative_to(own)
        if outside and any(place.startswith(_name_of(Path(corpus))) for place in erased.places):
            yield f"{corpus}: a corpus outside of data/: remove the recordings; ingestion refuses them from now on"


def _name_of(corpus: Path) -> str:
    """Return how the places in a corpus begin; as any place does where the corpus does not say its name."""
    try:
        return f"{read_policy(corpus).name}/"
    except DestaError:
        return ""


def _other_remotes(objects: Objects) -> Iterator[str]:
    for name in objects.other_remotes():
        yield f"DVC remote {name}: is not the default one: remove the objects there"
    if objects.in_git:
        yield "Git history of DVC's remote, which this repository keeps: rewrite it, and make every clone again"


def _shared_files(erased: Erased) -> Iterator[str]:
    stretches = (place.rpartition("@")[0] for place in erased.places if "@" in place)
    for place in dict.fromkeys(stretches):
        yield f"{place}: other recordings of the same file stay: cut the file, and ingest it again"


def _containers(files: Iterable[Found], root: Path) -> Iterator[str]:
    for each in files:
        if each.is_shared(root):
            mend = "write it again without, `dvc add` it, and `dvc gc --workspace --cloud`"
            yield f"{root / each.name}: holds {each.holds} among others: {mend}"
