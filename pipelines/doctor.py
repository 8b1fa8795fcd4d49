"""The self-check: does each heavy part work on this host, and if not, how is it mended?

    python -m pipelines.doctor --json

Parts are examined in processes of their own, because a broken one may take its process with it.
"""

import argparse
import importlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from components.core.gpus import has_nvidia_gpu
from pipelines.findings import Finding, State, exit_code, report
from pipelines.torn_runs import runs

PATIENCE_S = 600
GIB = 2**30

Answer = tuple[State, str]


@dataclass(frozen=True)
class Check:
    """One part; `examine` is a module's function that returns what it saw, or raises."""

    name: str
    examine: Callable[[], Answer]
    mend: str = "remove .venv and run `make setup`"

    @property
    def reference(self) -> str:
        """Where another process finds `examine`; under `python -m` this module is not called by its name."""
        module = self.examine.__module__
        return f"{__spec__.name if module == '__main__' else module}:{self.examine.__name__}"


def python() -> Answer:
    """The locks are compiled for one minor version."""
    return State.OK if sys.version_info[:2] == (3, 11) else State.ERROR, sys.version.split()[0]


def memory() -> Answer:
    """Training and vLLM each hold the models once."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return State.OK if total >= 8 * GIB else State.WARNING, f"{total / GIB:.0f} GiB in all"


def disk() -> Answer:
    """The store keeps every result and the models."""
    free = shutil.disk_usage(Path.cwd()).free
    return State.OK if free >= 5 * GIB else State.WARNING, f"{free / GIB:.0f} GiB free"


def soundfile() -> Answer:
    """Every format that a corpus may bring is written and read back."""
    import numpy as np
    import soundfile

    for name in ("wav", "flac", "ogg", "mp3"):
        file = io.BytesIO()
        soundfile.write(file, np.zeros(16_000, dtype="float32"), 16_000, format=name)
        file.seek(0)
        soundfile.read(file)
    return State.OK, f"{soundfile.__version__}, {soundfile.__libsndfile_version__}: wav, flac, ogg, mp3"


def kfp() -> Answer:
    """The compiler and the local runner."""
    import kfp
    from kfp import compiler, local

    return State.OK, f"{kfp.__version__}: {compiler.Compiler.__name__}, {local.SubprocessRunner.__name__}"


def mlflow() -> Answer:
    """The tracking client."""
    import mlflow

    return State.OK, f"{mlflow.__version__}"


def great_expectations() -> Answer:
    """A context that leaves no files."""
    import great_expectations

    great_expectations.get_context(mode="ephemeral")
    return State.OK, great_expectations.__version__


def data() -> Answer:
    """The data folder holds what data.dvc names."""
    import dvc
    from dvc.repo import Repo

    if not Path("data.dvc").exists():
        return State.WARNING, f"no data.dvc in {Path.cwd()}: not a checkout"
    if changed := Repo().status(targets=["data.dvc"]):
        return State.ERROR, f"data/ is not what data.dvc names: {json.dumps(changed['data.dvc'])}"
    return State.OK, f"data/ is what data.dvc names (dvc {dvc.__version__})"


def models() -> Answer:
    """The embedded models are in the store, every byte of them."""
    from components.core.contracts.errors import ConfigurationError
    from components.core.home import current_home
    from components.core.models.store import ENCODER, LLM, open_model

    root = current_home().models
    try:
        found = [open_model(reference, root).ref for reference in (LLM, ENCODER)]
    except ConfigurationError as missing:
        return State.WARNING, str(missing)
    return State.OK, f"{' and '.join(found)}, verified"


def torch() -> Answer:
    """Torch computes, on the device that this host has."""
    import torch

    torch.ones(2, 2) @ torch.ones(2, 2)
    if torch.cuda.is_available():
        return State.OK, f"{torch.__version__} on {torch.cuda.get_device_name()}"
    if torch.version.cuda or has_nvidia_gpu():
        built_for = "GPUs and finds none" if torch.version.cuda else "CPUs, on a host with a GPU"
        return State.WARNING, f"{torch.__version__} is built for {built_for}"
    return State.OK, f"{torch.__version__} on CPU"


def torchaudio() -> Answer:
    """Clips of any rate are resampled."""
    import torch
    import torchaudio

    torchaudio.transforms.Resample(8_000, 16_000)(torch.zeros(8_000))
    return State.OK, torchaudio.__version__


def silero_vad() -> Answer:
    """The voice detector hears nothing in silence."""
    from importlib.metadata import version

    import torch
    from silero_vad import get_speech_timestamps, load_silero_vad

    heard = get_speech_timestamps(torch.zeros(16_000), load_silero_vad())
    return State.ERROR if heard else State.OK, version("silero-vad")


def transformers() -> Answer:
    """The classes of both frozen models."""
    import transformers

    classes = (transformers.AutoModelForCausalLM, transformers.WhisperForConditionalGeneration)
    return State.OK, f"{transformers.__version__}: {', '.join(each.__name__ for each in classes)}"


def deepspeed() -> Answer:
    """The trainer, with the accelerator it chose."""
    import deepspeed

    return State.OK, f"{deepspeed.__version__} on {deepspeed.accelerator.get_accelerator().device_name()}"


def vllm() -> Answer:
    """The engine's classes and its platform."""
    import vllm
    from vllm.platforms import current_platform

    return State.OK, f"{vllm.__version__}: {vllm.LLM.__name__} on {current_platform.device_type}"


# Two groups for two cores; what needs torch shares one import of it.
GROUPS: tuple[tuple[Check, ...], ...] = (
    (
        Check("python", python, "install Python 3.11 and run `make setup PYTHON=python3.11`"),
        Check("memory", memory, "8 GiB are asked for: smaller models, or fewer clips at a time"),
        Check("disk", disk, "5 GiB are asked for: free some, or set DESTA_HOME to a larger disk"),
        Check("soundfile", soundfile),
        Check("kfp", kfp),
        Check("mlflow", mlflow),
        Check("great_expectations", great_expectations),
        Check("runs", runs, "what is damaged is passed over; its results are in the store"),
        Check("data", data, "`dvc checkout data.dvc --force` drops your changes, `dvc pull` fetches what is missing"),
    ),
    (
        Check("torch", torch, "run `make setup DEVICE=cpu` or `make setup DEVICE=gpu`, as the host is"),
        Check("torchaudio", torchaudio, "run `make setup`: on a CPU host it sets the CUDA extension aside"),
        Check("silero_vad", silero_vad),
        Check("transformers", transformers),
        Check("models", models, "`desta models fetch` brings them; remove the damaged folder first, if one is named"),
        Check("deepspeed", deepspeed),
        Check("vllm", vllm),
    ),
)


def examine(references: Sequence[str]) -> None:
    """Answer for each reference with one line of JSON; what libraries print goes to standard error instead."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    command = importlib.import_module("components.core.privacy")
    os.environ.update(command.PRIVATE_ENVIRONMENT)
    for reference in references:
        module, name = reference.split(":")
        answers.write(json.dumps(getattr(importlib.import_module(module), name)()) + "\n")


def _run_worker(checks: Sequence[Check], patience_s: float) -> tuple[list[Answer], str]:
    """Return the answers that came, and why no more came."""
    program = "import sys; from pipelines.doctor import examine; examine(sys.argv[1:])"
    command = [sys.executable, "-c", program, *(check.reference for check in checks)]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=patience_s, check=False)
        said, errors = done.stdout, done.stderr.decode(errors="replace").strip()
        if done.returncode < 0:
            why = f"killed by {signal.Signals(-done.returncode).name}"
        else:
            why = errors.splitlines()[-1] if errors else f"ended with exit code {done.returncode}"
    except subprocess.TimeoutExpired as expired:
        said, why = expired.stdout or b"", f"no answer within {patience_s:g} s"
    answers = [json.loads(line) for line in said.decode().splitlines()]
    return [(State(state), detail) for state, detail in answers], why


def _examine_group(checks: Sequence[Check], patience_s: float) -> list[Finding]:
    """Examine in one process, and in a new one after each check that broke it."""
    findings: list[Finding] = []
    while rest := checks[len(findings) :]:
        answers, why = _run_worker(rest, patience_s)
        if len(answers) < len(rest):
            answers.append((State.ERROR, why))
        findings += [Finding(c.name, state, detail, c.mend) for c, (state, detail) in zip(rest, answers, strict=False)]
    return [replace(finding, mend="") if finding.state is State.OK else finding for finding in findings]


def diagnose(groups: Sequence[Sequence[Check]] = GROUPS, patience_s: float = PATIENCE_S) -> list[Finding]:
    """Examine every part, group beside group, and return what was found, in the order of the checks."""
    with ThreadPoolExecutor(max_workers=len(groups)) as pool:
        found = pool.map(lambda group: _examine_group(group, patience_s), groups)
        return [finding for group in found for finding in group]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the diagnosis; return 1 where something has to be mended first."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.doctor", description="Check every heavy part.")
    parser.add_argument("--json", action="store_true", help="a list of {name, state, detail, mend}")
    args = parser.parse_args(argv)
    findings = diagnose()
    print(report(findings, as_json=args.json))
    return exit_code(findings)


if __name__ == "__main__":
    sys.exit(main())
