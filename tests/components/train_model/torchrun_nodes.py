"""Nodes of a TrainJob as processes of this machine, started by the pod's own command as Trainer would start them."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from components.train_model.launch import _free_port
from tests.components.train_model.kubernetes_api import Manifest, container_status

_ELSEWHERE = {"DESTA_HOME", "DESTA_MODELS", "HOME"}
"""Where volumes are in a pod, and not here."""


class TorchrunNodes:
    """Starts what the pods of a TrainJob run; kills one node as soon as a file is there, if told."""

    def __init__(self, job: Manifest, pod: Manifest, *, folder: Path, dies_at: Path | None = None) -> None:
        (container,) = pod["spec"]["containers"]
        nodes, name = range(job["spec"]["trainer"]["numNodes"]), job["metadata"]["name"]
        command = [sys.executable, *container["command"][1:], *container["args"]]
        told = {one["name"]: one["value"] for one in container["env"] if one["name"] not in _ELSEWHERE}
        # Trainer counts a node's processors for the number of its processes, unless the command says it.
        meets = {"PET_NNODES": len(nodes), "PET_NPROC_PER_NODE": 2, "PET_MASTER_ADDR": "127.0.0.1"}
        meets["PET_MASTER_PORT"] = _free_port()
        shared = {**os.environ, **told, **{name: str(value) for name, value in meets.items()}}
        self._logs = [folder / f"{name}-{node}.log" for node in nodes]
        self._nodes = [_started(command, {**shared, "PET_NODE_RANK": str(n)}, self._logs[n]) for n in nodes]
        if dies_at:
            threading.Thread(target=self._kill_at, args=(dies_at,), daemon=True).start()

    def look(self) -> tuple[str, str] | None:
        codes = [node.poll() for node in self._nodes]
        if all(code == 0 for code in codes):
            return ("Complete", "jobset completed successfully")
        if any(codes):
            self.stop()  # as a job does whose pod has failed
            return ("Failed", "jobset failed due to one or more job failures")
        return None

    def statuses(self) -> list[Manifest]:
        return [_status(node.poll()) for node in self._nodes]

    def log(self, node: int) -> Iterator[bytes]:
        with self._logs[node].open("rb") as file:
            ended = False
            while not ended:
                ended = self._nodes[node].poll() is not None
                yield file.read()
                time.sleep(0.05)

    def stop(self) -> None:
        for node in self._nodes:
            _kill(node)
            node.wait()

    def _kill_at(self, file: Path) -> None:
        while self._nodes[1].poll() is None and not file.exists():
            time.sleep(0.002)
        _kill(self._nodes[1])


def _started(command: list[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(command, env=environment, stdout=out, stderr=out, start_new_session=True)


def _kill(node: subprocess.Popen[bytes]) -> None:
    """Kill a node with all that it started: torchrun gives each process a session of its own."""
    with suppress(psutil.NoSuchProcess):
        torchrun = psutil.Process(node.pid)
        for process in [*torchrun.children(recursive=True), torchrun]:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def _status(code: int | None) -> Manifest:
    if code is None:
        return {"phase": "Running"}
    state = {"terminated": {"exitCode": code % 256, "reason": "Error" if code else "Completed"}}
    return {"phase": "Failed" if code else "Succeeded", **container_status(state)}
