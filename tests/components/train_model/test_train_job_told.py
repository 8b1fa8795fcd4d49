"""What a training on several nodes tells: what its nodes wait for and say, and what a cluster refuses."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.errors import ConfigurationError, DestaError, SourceError
from components.train_model import train_job
from components.train_model.launch import launch
from components.train_model.node_logs import say
from components.train_model.training_job import TrainingJob
from tests.components.train_model.kubernetes_api import (
    Attempt,
    Manifest,
    container_status,
    kubernetes,
    refusal,
)
from tests.components.train_model.train_jobs import (
    DONE,
    RUNNING,
    Frame,
    finishing,
    make_job,
    names,
    scripted,
)
from tests.http_server import Reply

UNSCHEDULABLE = {
    "phase": "Pending",
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/4 nodes are available: 4 Insufficient nvidia.com/gpu.",
        }
    ],
}


NO_IMAGE = {
    "phase": "Pending",
    **container_status({"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "x"'}}),
}


OVER_QUOTA = {
    "metadata": {"name": "e", "namespace": "desta"},
    "involvedObject": {"kind": "Job", "name": "NAME-node-0"},
    "reason": "FailedCreate",
    "message": "Error creating: pods is forbidden: exceeded quota: desta, requested: requests.nvidia.com/gpu=8",
    "type": "Warning",
}


@pytest.mark.usefixtures("job")
@pytest.mark.parametrize(
    ("pods", "said"),
    [
        ([RUNNING, UNSCHEDULABLE], "-node-0-1-x7f2q: Unschedulable: 0/4 nodes are available: 4 Insufficient"),
        ([NO_IMAGE, NO_IMAGE], '-node-0-0-x7f2q: ImagePullBackOff: Back-off pulling image "x"'),
        ([], "no pod was made; does Trainer's controller run"),
    ],
    ids=["no room", "no image", "no controller"],
)
def test_nodes_that_wait_too_long_are_named_with_what_kubernetes_says(
    pods: list[Manifest], said: str, tmp_path: Path
) -> None:
    with kubernetes(tmp_path, scripted((None, pods))) as server, pytest.raises(SourceError) as error:
        launch(make_job(tmp_path, pending_s=0.5))
    assert said in str(error.value)
    assert "not all nodes ran within 0.5 s" in str(error.value)
    assert server.deleted == names(server.made)


def test_what_nodes_wait_for_is_said_once_while_they_wait(
    tmp_path: Path, job: TrainingJob, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train_job, "_QUIET_S", 0.0)
    waiting: list[Frame] = [(None, [RUNNING, UNSCHEDULABLE])] * 8
    late = scripted(*waiting, (("Complete", ""), [DONE, DONE]), does={8: job.model.mkdir})
    with kubernetes(tmp_path, late):
        launch(job)
    assert capfd.readouterr().err.count("-node-0-1-x7f2q: Unschedulable: 0/4 nodes are available") == 1


@pytest.mark.usefixtures("job")
def test_a_quota_is_told_by_the_event_of_the_job_that_it_stopped(tmp_path: Path) -> None:
    def stopped(body: Manifest, pod: Manifest) -> Attempt:
        about = {"kind": "Job", "name": f"{body['metadata']['name']}-node-0"}
        server.events.append({**OVER_QUOTA, "involvedObject": about})
        return scripted((None, []))(body, pod)

    with (
        kubernetes(tmp_path, stopped) as server,
        pytest.raises(SourceError, match="FailedCreate: Error creating: pods is forbidden: exceeded quota: desta"),
    ):
        launch(make_job(tmp_path, pending_s=0.2))


@pytest.mark.parametrize(
    ("asked", "answer", "said"),
    [
        (
            ("GET", "trainingruntimes"),
            refusal(404, "not found"),
            "desta-deepspeed in namespace desta: there is none; apply",
        ),
        (
            ("GET", "trainingruntimes"),
            refusal(403, "User cannot get it"),
            r"Kubernetes refuses it \(403\): User cannot",
        ),
        (("POST", "trainjobs"), refusal(403, "User cannot create it"), r"Kubernetes refuses it \(403\): User cannot"),
        (("POST", "trainjobs"), refusal(422, "admission webhook denied it"), r"refuses it \(422\): admission webhook"),
        (
            ("GET", "trainjobs"),
            refusal(403, "User cannot get it"),
            r"Kubernetes refuses it \(403\): User cannot get it",
        ),
    ],
)
def test_what_a_cluster_refuses_is_one_line_in_its_words(
    asked: tuple[str, str], answer: Any, said: str, tmp_path: Path, job: TrainingJob
) -> None:
    with kubernetes(tmp_path) as server:
        server.refusals.append((*asked, answer))
        with pytest.raises(ConfigurationError, match=said) as error:
            launch(job)
    assert "\n" not in str(error.value)


def test_a_runtime_that_is_none_of_trainers_is_one_line(tmp_path: Path, job: TrainingJob) -> None:
    body = json.dumps({"kind": "TrainingRuntime", "metadata": {"name": "desta-deepspeed"}}).encode()
    with kubernetes(tmp_path) as server:
        server.refusals.append(("GET", "trainingruntimes", Reply(200, body, {"Content-Type": "application/json"})))
        with pytest.raises(
            ConfigurationError, match="TrainingRuntime desta-deepspeed in namespace desta: cannot be used"
        ):
            launch(job)


def test_lines_of_nodes_that_speak_at_once_stay_apart(capfd: pytest.CaptureFixture[str]) -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns as often as they can
    try:
        with ThreadPoolExecutor(8) as nodes:
            list(nodes.map(say, ["one line"] * 2000))
    finally:
        sys.setswitchinterval(before)
    assert capfd.readouterr().err == "one line\n" * 2000


def test_a_log_that_may_not_be_read_is_said_once_and_ends_nothing(
    tmp_path: Path, job: TrainingJob, capfd: pytest.CaptureFixture[str]
) -> None:
    frames = [(None, [RUNNING, RUNNING])] * 12
    long = scripted(*frames, (("Complete", ""), [DONE, DONE]), says={0: ["loss 3.1"]}, does={12: job.model.mkdir})
    with kubernetes(tmp_path, long) as server:
        server.refusals += [("GET", "pods/log", refusal(403, "User cannot read it"))] * 4
        launch(job)
    said = capfd.readouterr().err
    for node in ("node-0", "node-1"):
        assert said.count(f"the log of {node} of") <= 1
    assert "Kubernetes refuses it (403): User cannot read it; its lines are missing here" in said


def test_an_api_server_that_is_away_for_a_moment_ends_nothing(tmp_path: Path, job: TrainingJob) -> None:
    with kubernetes(tmp_path, finishing(job)) as server:
        server.refusals += [("GET", "trainjobs", refusal(code, "etcd is busy")) for code in (500, 503, 429)]
        server.refusals.append(("GET", "pods", refusal(500, "etcd is busy")))
        launch(job)
    assert len(server.made) == 1


def test_a_log_that_breaks_off_is_read_on_and_not_again(
    tmp_path: Path, job: TrainingJob, capfd: pytest.CaptureFixture[str]
) -> None:
    said = ["loss 3.1"]
    frames = [(None, [RUNNING, RUNNING])] * 12
    more = scripted(
        *frames,
        (("Complete", ""), [DONE, DONE]),
        says={0: said},
        does={
            6: lambda: said.append("loss 2.9"),
            12: job.model.mkdir,
        },
    )
    with kubernetes(tmp_path, more):
        launch(job)
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("node-0")]
    assert lines == ["node-0: loss 3.1", "node-0: loss 2.9"]


def test_without_a_cluster_the_line_says_so(job: TrainingJob) -> None:
    with pytest.raises(DestaError, match="launcher trainer: no cluster to train in"):
        launch(job)
