"""What a run ran on: the commit of its code, the interpreter, the machine, and every installed distribution.

Both files are written when a run begins, while its graph is still loading: a run that is killed has them too.
"""

import os
import platform
import shutil
import subprocess
from importlib.metadata import distributions
from pathlib import Path

from components.core.contracts.records import Record
from components.core.runs import read_run, write_record
from pipelines.sample_data import ROOT

CODE = "code.json"
ENVIRONMENT = "environment.json"
HELD = "devices.json"
"""What the stages of a run on a cluster held; its environment is that of its first task."""
_OURS = ("components", "pipelines", "infra/requirements")


class Code(Record):
    """The code of a run: its digest, and the Git commit of the checkout; `None` where there is no checkout."""

    digest: str
    commit: str | None
    dirty: bool | None
    """Whether files of ours differ from that commit, or are not in it."""


class Environment(Record):
    """The interpreter, the machine and the versions of all distributions; neither its name nor its users'."""

    python: str
    platform: str
    cpu: str
    cores: int
    memory_mib: int
    gpus: tuple[str, ...]
    """Name, driver and memory of each, as NVIDIA's tool says."""
    distributions: dict[str, str]


def keep_surroundings(run_dir: Path) -> None:
    """Write down in the folder of a run what it runs on."""
    write_record(run_dir / CODE, code_of(ROOT, read_run(run_dir).code_version))
    write_record(run_dir / ENVIRONMENT, environment())


def code_of(root: Path, digest: str) -> Code:
    """Return which commit the code below a folder is of, where that is a checkout of its own."""
    top, _, commit = _git(root, "rev-parse", "--show-toplevel", "HEAD").partition("\n")
    if not commit or Path(top) != root.resolve():
        return Code(digest=digest, commit=None, dirty=None)
    return Code(digest=digest, commit=commit, dirty=bool(_git(root, "status", "--porcelain", "--", *_OURS)))


def environment() -> Environment:
    """Return what this process runs on."""
    return Environment(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform=platform.platform(),
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        memory_mib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        gpus=_gpus(),
        distributions=dict(sorted((found.name, found.version) for found in distributions())),
    )


def _git(root: Path, *arguments: str) -> str:
    """Return what Git prints, nothing where it refuses or is not installed."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _gpus() -> tuple[str, ...]:
    if shutil.which("nvidia-smi") is None:
        return ()
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    return tuple(done.stdout.strip().splitlines()) if done.returncode == 0 else ()
