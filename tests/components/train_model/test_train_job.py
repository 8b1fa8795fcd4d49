"""A training on several nodes, against a Kubernetes API server: what is asked for, told and left behind."""

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from kubernetes.config import kube_config

from components.core.contracts.errors import ConfigurationError, DestaError, SourceError
from components.core.contracts.records import GeneratorIdentity
from components.train_model import cluster, train_job
from components.train_model.launch import launch
from components.train_model.settings import TrainModelSettings
from components.train_model.training_job import TrainingJob, code_of_training
from tests.components.train_model.kubernetes_api import (
    Attempt,
    Manifest,
    container_status,
    kubernetes,
    refusal,
)
from tests.http_server import Reply

RUNNING = {"phase": "Running"}
DONE = {"phase": "Succeeded"}
PREEMPTED = {
    "phase": "Failed",
    "conditions": [
        {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "PreemptionByScheduler",
            "message": "default-scheduler: preempting to accommodate a higher priority pod",
        }
    ],
}
MISSED = {"phase": "Failed", **container_status({"terminated": {"exitCode": 1, "reason": "Error"}})}
Frame = tuple[tuple[str, str] | None, list[Manifest]]
Made = Callable[[Manifest, Manifest], Attempt]


class Scripted:
    """A TrainJob that goes on by one frame whenever somebody looks."""

    def __init__(self, *frames: Frame, says: Mapping[int, list[str]], does: dict[int, Callable[[], object]]) -> None:
        self._frames, self._says, self._does, self._seen = frames, says, does, -1

    def look(self) -> tuple[str, str] | None:
        self._seen = min(self._seen + 1, len(self._frames) - 1)
        self._does.pop(self._seen, lambda: None)()
        return self._frames[self._seen][0]

    def statuses(self) -> list[Manifest]:
        return self._frames[self._seen][1]

    def log(self, node: int) -> Iterator[bytes]:
        for line in self._says.get(node, []):
            yield f"{line}\n".encode()

    def stop(self) -> None:
        """Nothing runs."""


def scripted(*frames: Frame, says: Mapping[int, list[str]] | None = None, does: Any = None) -> Made:
    return lambda *_: Scripted(*frames, says=says or {}, does=dict(does or {}))


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingJob:
    """A job in a home, and a short patience."""
    monkeypatch.setenv("DESTA_HOME", str(tmp_path))
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "config"))
    monkeypatch.setattr(train_job, "_LOOK_S", 0.01)
    monkeypatch.setattr(train_job, "_LATE_S", 0.1)
    monkeypatch.setattr(cluster, "_LOOK_S", 0.01)
    return make_job(tmp_path)


def make_job(home: Path, **nodes: Any) -> TrainingJob:
    given = {"restart_s": 0.01, "restarts": 1, **nodes}
    digest = "a" * 64
    names = ("accepted", "clips", "encoder", "llm", "features", "folder")
    (home / "folder").mkdir(exist_ok=True)
    return TrainingJob(
        code=code_of_training(),
        settings=TrainModelSettings(nodes=2, processes=2, launcher="trainer", trainer=given),
        accepted_digest=digest,
        encoder_digest=digest,
        llm_digest=digest,
        backbone=GeneratorIdentity(
            weights=digest, tokenizer=digest, chat_template=digest, engine="x", engine_version="1", dtype="float32"
        ),
        **{name: str(home / name) for name in names},
    )


def finishing(job: TrainingJob, **options: Any) -> Made:
    """A TrainJob that runs, makes the model and is complete."""
    return scripted(
        (None, []),
        (None, [RUNNING, RUNNING]),
        (("Complete", "jobset completed successfully"), [DONE, DONE]),
        does={2: lambda: job.model.mkdir(exist_ok=True)},
        **options,
    )


def ending(*statuses: Manifest, does: Callable[[], object] = lambda: None) -> Made:
    """A TrainJob that runs and fails, and what its pods then say."""
    failed = (("Failed", "jobset failed due to one or more job failures"), list(statuses))
    return scripted((None, [RUNNING, RUNNING]), failed, does={1: does})


def checkpoint(job: TrainingJob, step: int) -> Callable[[], object]:
    return lambda: (job.checkpoints / f"step-{step:07d}").mkdir(parents=True)


def names(manifests: list[Manifest]) -> list[str]:
    return [manifest["metadata"]["name"] for manifest in manifests]


def test_a_train_job_says_what_its_nodes_are(tmp_path: Path, job: TrainingJob) -> None:
    job = make_job(
        tmp_path,
        resources={"cpu": "8", "memory": "64Gi", "nvidia.com/gpu": "2"},
        node_selector={"desta/pool": "train"},
        tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    )
    with kubernetes(tmp_path, finishing(job)) as server:
        launch(job)
    (made,) = server.made
    told = made["spec"]["trainer"]
    assert made["spec"]["runtimeRef"]["name"] == "desta-deepspeed"
    assert (told["numNodes"], told["args"]) == (2, [str(tmp_path / "folder" / "job.json")])
    assert told["command"][:3] == ["python", "-m", "torch.distributed.run"]
    assert "--nproc-per-node=2" in told["command"]
    assert "image" not in told
    limits = {"cpu": "8", "memory": "64Gi", "nvidia.com/gpu": "2"}
    assert told["resourcesPerNode"] == {"requests": limits, "limits": limits}
    assert told["env"] == [{"name": "OMP_NUM_THREADS", "value": "4"}]
    (patch,) = made["spec"]["runtimePatches"]
    (node,) = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    pod = node["template"]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"desta/pool": "train"}
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


def test_nodes_have_the_image_of_the_pod_that_watches_them(tmp_path: Path, job: TrainingJob) -> None:
    containers = [{"name": "wait", "image": "argo@sha256:1"}, {"name": "main", "image": "desta/train@sha256:2"}]
    with kubernetes(tmp_path, finishing(job)) as server:
        about = {"name": socket.gethostname(), "namespace": "desta"}
        server.stage = {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": {"containers": containers}}
        launch(job)
    assert server.made[0]["spec"]["trainer"]["image"] == "desta/train@sha256:2"


def test_what_nodes_say_is_told_with_their_names_and_the_train_job_is_taken_away(
    tmp_path: Path, job: TrainingJob, capfd: pytest.CaptureFixture[str]
) -> None:
    says = {0: ["loss 3.1", "loss 2.9"], 1: ["ready"]}
    with kubernetes(tmp_path, finishing(job, says=says)) as server:
        launch(job)
    lines = capfd.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith("node-0")] == ["node-0: loss 3.1", "node-0: loss 2.9"]
    assert "node-1: ready" in lines
    assert server.deleted == names(server.made)
    assert server.jobs == {}


def test_a_preempted_training_goes_on_as_often_as_it_makes_checkpoints(
    tmp_path: Path, job: TrainingJob, capfd: pytest.CaptureFixture[str]
) -> None:
    taken = [ending(MISSED, PREEMPTED, does=checkpoint(job, step)) for step in (10, 20, 30)]
    with kubernetes(tmp_path, *taken, finishing(job)) as server:
        launch(job)
    assert [name.rsplit("-", 1)[1] for name in names(server.made)] == ["1", "2", "3", "4"]
    assert server.deleted == names(server.made)
    (first, *_) = [line for line in capfd.readouterr().err.splitlines() if "goes on" in line]
    assert "-node-0-1-x7f2q: PreemptionByScheduler: default-scheduler: preempting to accommodate" in first
    assert "node-0-0" not in first
    assert "goes on from step-0000010 in 0.01 s" in first


def test_no_attempt_begins_before_the_pods_of_the_one_before_are_gone(tmp_path: Path, job: TrainingJob) -> None:
    left: list[int] = []

    def second(*_: Manifest) -> Attempt:
        left.append(server.leaving[server.deleted[0]])
        return finishing(job)(*_)

    with kubernetes(tmp_path, ending(PREEMPTED), second) as server:
        launch(job)
    assert left == [-1]


def test_a_training_that_makes_no_checkpoint_is_given_up(tmp_path: Path, job: TrainingJob) -> None:
    killed = {"phase": "Failed", **container_status({"terminated": {"exitCode": 137, "reason": "OOMKilled"}})}
    with (
        kubernetes(tmp_path, ending(killed), ending(killed)) as server,
        pytest.raises(SourceError, match=r"ended with code 137 \(OOMKilled\); given up after 1 restarts"),
    ):
        launch(job)
    assert server.deleted == names(server.made)
    assert len(server.made) == 2


def test_what_a_worker_explained_is_the_last_word_and_not_tried_again(tmp_path: Path, job: TrainingJob) -> None:
    explained = ending(MISSED, MISSED, does=lambda: job.error_file.write_text("train_model: the loss of step 3 is nan"))
    with kubernetes(tmp_path, explained) as server, pytest.raises(SourceError) as error:
        launch(job)
    assert str(error.value) == "train_model: the loss of step 3 is nan"
    assert len(server.made) == len(server.deleted) == 1


def test_a_stage_that_was_killed_finds_its_train_job_and_starts_no_second(
    tmp_path: Path, job: TrainingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException): ...

    def killed(*_: object) -> None:
        raise Killed

    with kubernetes(tmp_path, finishing(job)) as server:
        with monkeypatch.context() as dying:
            dying.setattr(cluster.Cluster, "delete", lambda *_: None)
            dying.setattr(train_job, "_watched", killed)
            with pytest.raises(Killed):
                launch(job)
        assert len(server.jobs) == 1
        launch(job)
    assert len(server.made) == 1
    assert server.deleted == names(server.made)


def test_sigterm_takes_the_train_job_away(tmp_path: Path, job: TrainingJob) -> None:
    running = (None, [RUNNING, RUNNING])
    stopped = scripted(running, running, does={1: lambda: os.kill(os.getpid(), signal.SIGTERM)})
    with kubernetes(tmp_path, stopped) as server, pytest.raises(SystemExit) as ended:
        launch(job)
    assert ended.value.code == 143
    assert server.deleted == names(server.made)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


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


def test_a_train_job_that_somebody_deleted_is_made_again(tmp_path: Path, job: TrainingJob) -> None:
    running = (None, [RUNNING, RUNNING])
    with kubernetes(tmp_path) as server:
        gone = scripted(running, running, does={1: server.jobs.clear})
        server.attempts += [gone, finishing(job)]
        launch(job)
    assert len(server.made) == 2


def test_nodes_that_see_another_home_are_not_taken_for_good(tmp_path: Path, job: TrainingJob) -> None:
    complete = scripted((("Complete", ""), [DONE, DONE]))
    with (
        kubernetes(tmp_path, complete),
        pytest.raises(SourceError, match=r"left no .*model; do they see this very home"),
    ):
        launch(job)


def test_what_nodes_would_not_see_is_refused_before_anything_is_asked(tmp_path: Path, job: TrainingJob) -> None:
    with (
        kubernetes(tmp_path) as server,
        pytest.raises(ConfigurationError, match=r"/elsewhere/clips: nodes see the home .* only"),
    ):
        launch(job.model_copy(update={"clips": "/elsewhere/clips"}))
    assert server.made == []


def test_without_a_cluster_the_line_says_so(job: TrainingJob) -> None:
    with pytest.raises(DestaError, match="launcher trainer: no cluster to train in"):
        launch(job)
