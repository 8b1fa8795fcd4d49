"""A training on several nodes, against a Kubernetes API server: what is asked for and left behind."""

import os
import signal
import socket
from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError, SourceError
from components.train_model import cluster, train_job
from components.train_model.launch import launch
from components.train_model.training_job import TrainingJob
from tests.components.train_model.kubernetes_api import (
    Attempt,
    Manifest,
    container_status,
    kubernetes,
)
from tests.components.train_model.train_jobs import (
    DONE,
    MISSED,
    PREEMPTED,
    RUNNING,
    checkpoint,
    ending,
    finishing,
    make_job,
    names,
    scripted,
)


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
