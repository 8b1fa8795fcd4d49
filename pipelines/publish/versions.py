"""`data/` under DVC: the revision that `data.dvc` names, and how a part of it comes under a new one."""

import logging
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.privacy import PRIVATE_ENVIRONMENT
from pipelines.sample_data import pointed_to

POINTER = "data.dvc"
_MINE = (POINTER, ".dvc/config")


class DataVersions:
    """The versions of a checkout's `data/`; every failure of DVC is one line."""

    def __init__(self, root: Path, repository: Any) -> None:
        self._root, self._repository = root, repository

    @property
    def repository(self) -> Any:
        """The repository as DVC opened it."""
        return self._repository

    @property
    def revision(self) -> str:
        """The md5 by which `data.dvc` names the content of `data/`."""
        return pointed_to((self._root / POINTER).read_text(encoding="utf-8"))

    def remote(self) -> str:
        """Return the name of DVC's default remote, where data may be pushed to.

        Raises:
            ConfigurationError: there is none, or it lies in the files that Git keeps.
        """
        add = "`dvc remote add --default NAME URL` names one (all of data/ goes there), --no-push does without"
        config = self._repository.config
        name = config["core"].get("remote")
        if name not in config["remote"]:
            raise ConfigurationError(f"{self._root}: DVC has no default remote; {add}")
        url = str(config["remote"][name]["url"])
        if self.kept_by_git(Path(url)):
            raise ConfigurationError(
                f"{self._root}: DVC's default remote {name} ({url}) is kept in Git, where published data would stay "
                f"for ever; {add}"
            )
        return str(name)

    def require_cached(self) -> None:
        """Make sure that all that `data.dvc` names can be pushed from here.

        Raises:
            ConfigurationError: some of it is not in DVC's cache.
        """
        if "not in cache" in str(self._repository.status(targets=[str(self._root / POINTER)])):
            raise ConfigurationError(
                f"{self._root / POINTER}: names data that are not here, and a remote gets all of it; bring them first: "
                "`dvc pull`, with --remote NAME where they are elsewhere"
            )

    def add(self, folder: Path) -> None:
        """Bring one folder of `data/`, and nothing else that changed there, under a new revision.

        Raises:
            SourceError: DVC cannot; with its reason.
        """
        with dvc_explained(f"cannot add {folder}"):
            self._repository.add([str(self._root / folder)])

    def add_all(self, folders: Sequence[Path]) -> None:
        """Bring folders of `data/` under a new revision as they are now; those that are gone go from it.

        Raises:
            SourceError: DVC cannot; with its reason.
        """
        for folder in folders:
            self.add(folder.relative_to(self._root))

    def push(self) -> None:
        """Bring everything that `data.dvc` names to the default remote.

        Raises:
            SourceError: DVC cannot; with its reason.
        """
        with dvc_explained(f"cannot push to remote {self._repository.config['core'].get('remote')}"):
            self._repository.push(targets=[str(self._root / POINTER)])

    def get(self, path: Path, commit: str, to: Path) -> None:
        """Bring a path as it was in a Git commit.

        Raises:
            SourceError: DVC cannot; with its reason.
        """
        with dvc_explained(f"cannot get {path} of {commit[:12]}"):
            self._repository.get(str(self._root), path.as_posix(), out=str(to), rev=commit)

    def commit_of(self, revision: str) -> tuple[str, str]:
        """Return the Git commit that a Git revision, or the md5 of `data.dvc`, means, and that md5.

        Raises:
            ConfigurationError: no commit is of that revision.
        """
        if re.fullmatch(r"[0-9a-f]{32}(\.dir)?", revision):
            having = self._git("log", "--all", "--reverse", "--format=%H", f"-S{revision}", "--", POINTER).split()
            commit = having[0] if having else ""
        else:
            commit = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
        pointer = self._git("show", f"{commit}:{POINTER}") if commit else ""
        if not pointer:
            raise ConfigurationError(
                f"revision {revision}: no commit, branch or tag with {POINTER}, nor an md5 that a committed one held; "
                f"see `git log -- {POINTER}`"
            )
        return commit, pointed_to(pointer)

    def to_commit(self) -> tuple[str, ...]:
        """Return the files that Git has yet to be told of."""
        changed = self._git("status", "--porcelain", "--", *_MINE).splitlines()
        return tuple(line[3:] for line in changed)

    def kept_by_git(self, place: Path) -> bool:
        """Tell whether a folder lies in the checkout and is not ignored by Git."""
        if not place.resolve().is_relative_to(self._root.resolve()):
            return False
        ignored = ["git", "check-ignore", "--quiet", str(place)]
        # 1: not ignored; 0: ignored; 128: there is no Git.
        return subprocess.run(ignored, cwd=self._root, capture_output=True, check=False).returncode == 1

    def _git(self, *arguments: str) -> str:
        """Return what Git prints, nothing where it refuses."""
        command = ["git", *arguments]
        return subprocess.run(command, cwd=self._root, capture_output=True, text=True, check=False).stdout


@contextmanager
def data_versions(root: Path) -> Iterator[DataVersions]:
    """Open the versions of `data/` below a checkout.

    Raises:
        ConfigurationError: DVC does not keep `data/` there.
    """
    os.environ.update(PRIVATE_ENVIRONMENT)
    if not (root / ".dvc").is_dir() or not (root / POINTER).is_file():
        raise ConfigurationError(
            f"{root}: not a checkout whose data/ DVC keeps (.dvc and {POINTER}); clone the repository"
        )
    from dvc.repo import Repo

    # Its advice to the reader goes to the standard output, where scripts read ours.
    logging.getLogger("dvc").setLevel(logging.WARNING)
    with dvc_explained("cannot read its configuration"):
        repository = Repo(str(root))
    with repository:
        yield DataVersions(root, repository)


@contextmanager
def dvc_explained(failure: str) -> Iterator[None]:
    """Give what DVC could not do one line for the reader.

    Raises:
        SourceError: DVC cannot; with its reason.
    """
    from dvc.exceptions import DvcException

    try:
        yield
    except (DvcException, OSError, yaml.YAMLError) as error:
        raise SourceError(f"DVC {failure}: {' '.join(str(error).split())}") from error
