"""How the training processes are started, and what their last word was."""

import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from components.core.contracts.errors import SourceError
from components.core.gpus import has_nvidia_gpu
from components.core.publishing import write_file
from components.train_model.settings import TrainModelSettings
from components.train_model.training_job import TrainingJob

WORKER = "components.train_model.worker"
NOTHING_COMPILED = {"TORCHDYNAMO_DISABLE": "1"}
"""Without it each process loads torch's compiler, for seconds: DeepSpeed decorates an optimiser that nobody uses."""


def launch(job: TrainingJob) -> None:
    """Start the processes of a job, on this machine or in pods of Kubeflow Trainer, and wait for them.

    Raises:
        ConfigurationError: the cluster does not let the stage make a TrainJob.
        SourceError: they ended before their work was done.
    """
    file = Path(job.folder) / "job.json"
    write_file(file, job.model_dump_json(indent=1))
    settings = job.settings
    if settings.launcher == "trainer":
        from components.train_model.train_job import train_on_nodes

        train_on_nodes(job, file)
        return
    job.error_file.unlink(missing_ok=True)
    if settings.nodes > 1:
        others = f"train_model: on each of the other {settings.nodes - 1} machines run"
        print(f"{others}: {join_command(settings, file)}", file=sys.stderr, flush=True)
    done = subprocess.run(
        launch_command(settings, file),
        env=_environment(settings),
        check=False,
        # torchrun gives each process a session of its own; DeepSpeed's launcher leaves them in its own.
        start_new_session=settings.launcher == "deepspeed",
    )
    if job.error_file.is_file():
        raise SourceError(job.error_file.read_text())
    if done.returncode:
        raise SourceError(
            f"train_model: a training process ended with code {done.returncode}; its last words are in the log"
        )


def launch_command(settings: TrainModelSettings, job_file: Path) -> list[str]:
    """Return the command that starts the processes of one machine."""
    if settings.launcher == "deepspeed":
        deepspeed = [sys.executable, "-m", "deepspeed.launcher.runner", "--hostfile=none", "--log_level=warning"]
        deepspeed += [f"--num_gpus={settings.processes}", f"--master_port={_free_port()}", "--no_local_rank"]
        return [*deepspeed, "--module", WORKER, str(job_file)]
    meeting = [f"--nnodes={settings.nodes}", "--rdzv-backend=c10d"]
    meeting += [f"--rdzv-endpoint={settings.rendezvous or '127.0.0.1:0'}"]
    # Alone it does not ask which address its machine's name has: that may be none, and torchrun waits for minutes.
    meeting += ["--rdzv-id=desta"] if settings.rendezvous else ["--local-addr=127.0.0.1"]
    return [sys.executable, *torchrun(settings, meeting), str(job_file)]


def torchrun(settings: TrainModelSettings, meeting: Sequence[str] = ()) -> list[str]:
    """Return what Python is told to start one machine's processes; without a place to meet, the environment says it."""
    flags = ["--max-restarts=0", f"--nproc-per-node={settings.processes}", *meeting]
    return ["-m", "torch.distributed.run", *flags, "-m", WORKER]


def join_command(settings: TrainModelSettings, job_file: Path) -> str:
    """Return the line for a shell that starts the processes of another machine, which is one like this."""
    variables = [f"{name}={value}" for name, value in _variables(settings).items()]
    return " ".join([*variables, "python", shlex.join(launch_command(settings, job_file)[1:])])


def _environment(settings: TrainModelSettings) -> dict[str, str]:
    # torchrun gives each process a session of its own: it has to notice by itself when this one is gone.
    return {**os.environ, **_variables(settings), "DESTA_DRIVER_PID": str(os.getpid())}


def _variables(settings: TrainModelSettings) -> dict[str, str]:
    threads = max(1, (os.cpu_count() or 1) // settings.processes)
    accelerator = {} if has_nvidia_gpu() else {"DS_ACCELERATOR": "cpu"}
    return {"OMP_NUM_THREADS": str(threads), **NOTHING_COMPILED, **accelerator}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
