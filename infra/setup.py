"""Make `.venv` from the pinned requirements, fetch the data and check that everything works.

Runs with the standard library alone, because nothing is installed yet. Where nothing changed since the last time, it
does nothing.
"""

import argparse
import contextlib
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Device = Literal["cpu", "gpu"]
Word = str | Path


class SetupError(Exception):
    """Set-up cannot go on; the message is one line that says why and what to do."""


@dataclass(frozen=True)
class Checkout:
    """The folders and files of one working copy that set-up reads and makes."""

    root: Path

    @property
    def venv(self) -> Path:
        """The environment."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.venv / "bin" / "python"

    @property
    def uv(self) -> Path:
        """The installer, kept apart from what it installs."""
        return self.venv / "bootstrap" / "bin" / "uv"

    @property
    def stamp(self) -> Path:
        """The fingerprint of what the last set-up was made from; written last."""
        return self.venv / "set-up.sha256"

    def requirements(self, name: str) -> Path:
        """One lock: `cpu`, `gpu`, `dev` or `bootstrap`."""
        return self.root / "infra" / "requirements" / f"{name}.txt"


def wheelhouse(environ: Mapping[str, str]) -> list[str]:
    """Return uv's options for the places that PIP_FIND_LINKS names; uv does not read that variable itself."""
    return [option for place in environ.get("PIP_FIND_LINKS", "").split() for option in ("--find-links", place)]


def pinned(lock: str, name: str) -> str:
    """Return one package's pin, with its hashes, out of a lock.

    Raises:
        SetupError: the lock does not pin it.
    """
    found = re.search(rf"^{re.escape(name)}==.*(?:\n    --hash=.*)*", lock, re.MULTILINE)
    if found is None:
        raise SetupError(f"infra/requirements: no pin of {name}: run `make requirements`")
    return found.group() + "\n"


def fingerprint(checkout: Checkout, device: Device) -> str:
    """Digest everything that decides what a set-up makes."""
    digest = hashlib.sha256(f"{device} {sys.version} {checkout.root}".encode())
    for path in (
        *(checkout.requirements(name) for name in ("bootstrap", device, "dev")),
        checkout.root / "pyproject.toml",
        checkout.root / "data.dvc",
        Path(__file__),
    ):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_current(checkout: Checkout, key: str) -> bool:
    """Say whether the last set-up was made from the same things and its data is still there."""
    return checkout.stamp.exists() and checkout.stamp.read_text() == key and (checkout.root / "data").is_dir()


def place_extension(lib: Path, device: Device) -> int:
    """Set torchaudio's extension aside on a CPU host, put it back on a GPU host; return how many files moved.

    The registry's torchaudio is linked to CUDA, and importing it fails beside a CPU torch as long as it finds its
    extension. It works without: resampling, spectrograms, loudness and pitch are plain torch.
    """
    aside = lib / "set-aside"
    source, target = (lib, aside) if device == "cpu" else (aside, lib)
    files = sorted(source.glob("*.so"))
    target.mkdir(exist_ok=True)
    for file in files:
        file.replace(target / file.name)
    return len(files)


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    started_s = time.monotonic()
    print(f"set-up: {what} ...", flush=True)
    yield
    print(f"set-up: {what}: {time.monotonic() - started_s:.1f} s", flush=True)


def run(checkout: Checkout, *command: Word, shown: bool = False) -> None:
    """Run a program in the checkout; what it says is shown always, or where it failed.

    Raises:
        SetupError: it failed.
    """
    output = None if shown else subprocess.PIPE
    done = subprocess.run(
        command, cwd=checkout.root, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode != 0:
        sys.stderr.buffer.write(done.stdout or b"")
        name = " ".join(Path(word).name for word in map(str, command[:3]))
        raise SetupError(f"`{name} ...` failed with exit code {done.returncode}: its own message is above")


def make_environment(checkout: Checkout) -> None:
    """Make the environment if it is not there or its interpreter is gone, and put the pinned uv beside it."""
    if not checkout.python.exists():
        run(checkout, sys.executable, "-m", "venv", "--clear", checkout.venv)
    pip: list[Word] = [checkout.python, "-m", "pip", "--disable-pip-version-check"]
    target: list[Word] = ["--upgrade", "--target", checkout.venv / "bootstrap"]
    run(checkout, *pip, "install", "--require-hashes", *target, "-r", checkout.requirements("bootstrap"))


def install_torch_for_cpu(checkout: Checkout) -> None:
    """Install the CPU build of torch before anything else asks for torch.

    It comes alone because `--torch-backend` would turn to torch's own index for torchaudio too, whose files there are
    not the lock's.
    """
    places = wheelhouse(os.environ)
    pin = checkout.venv / "torch.txt"
    pin.write_text(pinned(checkout.requirements("cpu").read_text(), "torch"))
    options: list[Word] = ["--no-deps", "--require-hashes", *(places or ["--torch-backend", "cpu"]), "-r", pin]
    with step(f"torch for CPU from {'PIP_FIND_LINKS' if places else 'where uv --torch-backend cpu finds it'}"):
        run(checkout, checkout.uv, "pip", "install", "--python", checkout.python, *options)


def install_packages(checkout: Checkout, device: Device) -> None:
    """Make the environment hold exactly what the locks pin, and the project itself, editable."""
    python: list[Word] = ["--python", checkout.python]
    locks = [checkout.requirements(device), checkout.requirements("dev")]
    run(checkout, checkout.uv, "pip", "sync", *python, "--require-hashes", *wheelhouse(os.environ), *locks)
    project: list[Word] = ["--offline", "--no-deps", "--no-build-isolation", "--editable", "."]
    run(checkout, checkout.uv, "pip", "install", *python, *project)


def set_up(checkout: Checkout, device: Device) -> None:
    """Bring a checkout to the state in which everything runs.

    Raises:
        SetupError: a step failed; the next call starts with it again.
    """
    key = fingerprint(checkout, device)
    if is_current(checkout, key):
        print(f"set-up: nothing changed ({device})")
        return
    with step("environment and uv"):
        make_environment(checkout)
    if device == "cpu":
        install_torch_for_cpu(checkout)
    with step(f"packages for {device}"):
        install_packages(checkout, device)
    (lib,) = checkout.venv.glob("lib/python3.*/site-packages/torchaudio/lib")
    moved = place_extension(lib, device)
    print(
        f"set-up: torchaudio's CUDA extension {'set aside' if device == 'cpu' else 'in its place'}: {moved} files moved"
    )
    with step("data"):
        run(checkout, checkout.venv / "bin" / "dvc", "pull")
    with step("models"):
        run(checkout, checkout.venv / "bin" / "desta", "models", "fetch")
    with step("self-check"):
        run(checkout, checkout.python, "-m", "pipelines.doctor", shown=True)
    checkout.stamp.write_text(key)


def choose_device(wanted: str) -> Device:
    """Return the device to set up for: the wanted one, or for `auto` what this host has."""
    # Not at the top: an old Python has to come as far as check_interpreter.
    from components.core.gpus import has_nvidia_gpu

    if wanted == "auto":
        return "gpu" if has_nvidia_gpu() else "cpu"
    return "gpu" if wanted == "gpu" else "cpu"


def check_interpreter() -> None:
    """Refuse an interpreter that the locks were not made for.

    Raises:
        SetupError: this is not Python 3.11.
    """
    if sys.version_info[:2] != (3, 11):
        raise SetupError(f"wants Python 3.11 and this is {sys.version.split()[0]}: give one as `make PYTHON=...`")


def main(argv: Sequence[str] | None = None) -> int:
    """Set this checkout up and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--device", choices=("auto", "cpu", "gpu"), default="auto", help="auto: gpu if nvidia-smi has one"
    )
    args = parser.parse_args(argv)
    try:
        check_interpreter()
        set_up(Checkout(Path(__file__).resolve().parents[1]), choose_device(args.device))
    except SetupError as error:
        print(f"error: set-up: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
