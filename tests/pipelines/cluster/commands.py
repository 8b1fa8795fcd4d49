"""The commands of a cluster as a user gives them, to a Kubeflow of the tests."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.cli import main
from tests.pipelines.cluster.kubeflow import Kubeflow
from tests.pipelines.cluster.making import write_cluster


def desta(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(words)
    return int(end.value.code or 0)


def submit(kubeflow: Kubeflow, corpus: Path, *words: str, **changes: Any) -> int:
    cluster = write_cluster(corpus.parent, **changes)
    given = ("--cluster", str(cluster), "--host", kubeflow.host, "--corpus", str(corpus))
    return desta("submit", *given, "--profile", "smoke", *words)


def asked(kubeflow: Kubeflow, tmp_path: Path, command: str, *words: str) -> int:
    return desta(command, *words, "--cluster", str(write_cluster(tmp_path)), "--host", kubeflow.host)


def details(**states: str) -> dict[str, Any]:
    return {
        "run_details": {
            "task_details": [
                {"task_id": name, "display_name": name.replace("_", "-"), "state": state, "pod_name": f"{name}-pod"}
                for name, state in states.items()
            ]
        }
    }
