"""A process of its own that goes on with an erasure and is killed at a chosen moment, without any clean-up."""

import os
import sys
from collections.abc import Callable
from typing import Any

from pipelines.cli import main
from pipelines.erasure import transaction
from pipelines.erasure.folders import ErasureFolder
from pipelines.erasure.steps import STEPS

_KILLED = 9
_CHANGES = ("unlink", "rename", "replace", "rmdir", "link", "remove")


def killed(step: str, when: str | int) -> None:
    """Resume an erasure, killed `before` or `after` the mark of a step, or at its n-th change of a file."""
    if not (child := os.fork()):
        try:
            _resume(step, when)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == _KILLED


def _resume(step: str, when: str | int) -> None:
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 (of a process that ends at once)
    if isinstance(when, int):
        _end_inside(step, when)
    else:
        _end_at_mark(step, when)
    main(["erase", "--resume"])


def _end() -> None:
    os._exit(_KILLED)


def _end_at_mark(step: str, when: str) -> None:
    mark = ErasureFolder.mark_done

    def ending(folder: ErasureFolder, name: str, result: Any) -> None:
        if name == step and when == "before":
            _end()
        mark(folder, name, result)
        if name == step:
            _end()

    setattr(ErasureFolder, "mark_done", ending)  # noqa: B010 (a seam that only this test needs)


def _end_inside(step: str, changes: int) -> None:
    work, left = STEPS[step], [changes]

    def counting(change: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                _end()
            return change(*args, **named)

        return counted

    def watched(at_work: Any) -> Any:
        for name in _CHANGES:
            setattr(os, name, counting(getattr(os, name)))
        return work(at_work)

    setattr(transaction, "STEPS", {**STEPS, step: watched})  # noqa: B010
