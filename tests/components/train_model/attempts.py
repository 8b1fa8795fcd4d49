"""Runs attempts at trainings one after another, each in processes of its own that may die at a certain place.

    python -m tests.components.train_model.attempts ATTEMPTS.json

A list of `{"job": FILE}`. With `"dies": [MODULE, NAME, CALL, WHEN]` a process kills itself `before`, in the middle of
(`half`: of the file that it writes) or `after` a call of a function; with `"room": BYTES` no file may be larger; with
`"tears": PATTERN` such a file of the newest checkpoint is cut off first. Prints how each ended. What takes seconds to
import is imported once, and then forked.
"""

import importlib
import json
import os
import resource
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any
from unittest.mock import patch

from components.train_model import worker
from components.train_model.training_job import TrainingJob


def main() -> None:
    ended = []
    for attempt in json.loads(Path(sys.argv[1]).read_text()):
        job = TrainingJob.model_validate_json(Path(attempt["job"]).read_bytes())
        job.error_file.unlink(missing_ok=True)
        if torn := attempt.get("tears"):
            file = next(max(job.checkpoints.glob("step-*")).rglob(torn))
            os.truncate(file, file.stat().st_size - 1)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        children = [_started(attempt, rank, job.settings.world, port) for rank in range(job.settings.world)]
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        kept = sorted(path.name for path in job.checkpoints.glob("step-*"))
        error = job.error_file.read_text() if job.error_file.is_file() else None
        ended.append({"code": codes[0], "kept": kept, "error": error})
    print(json.dumps(ended))


def _started(attempt: dict[str, Any], rank: int, processes: int, port: int) -> int:
    child = os.fork()
    if child:
        return child
    os.dup2(2, 1)
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in place.items()}
    if room := attempt.get("room"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    if dies := attempt.get("dies"):
        _let_die(*dies)
    code = 1
    try:
        _train(attempt["job"], rank)
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:  # noqa: BLE001 - whatever it was, the child must not go on as its parent
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(code)


def _train(file: str, rank: int) -> None:
    """Train, and write down how much of each of the LLM's parameters this process held."""
    sys.argv, engines, make = ["worker", file], [], worker.engine_of

    def kept(*args: Any) -> Any:
        engines.append(make(*args))
        return engines[-1]

    with patch.object(worker, "engine_of", kept):
        worker.main()
    named = engines[0].module.llm.named_parameters()
    held = {name: (getattr(p, "ds_numel", p.numel()), getattr(p, "ds_tensor", p).numel()) for name, p in named}
    Path(file).with_name(f"held-{rank}.json").write_text(json.dumps(held))


def _let_die(module: str, name: str, call: int, when: str) -> None:
    holder: Any = importlib.import_module(module)
    *parents, last = name.split(".")
    for parent in parents:
        holder = getattr(holder, parent)
    real, calls = getattr(holder, last), [0]

    def deadly(*args: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] < call:
            return real(*args, **options)
        if when != "before":
            real(*args, **options)
        if when == "half":
            os.truncate(args[1], Path(args[1]).stat().st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("a killed process goes on")

    setattr(holder, last, deadly)


if __name__ == "__main__":
    main()
