"""Waiting, `desta status`, `logs` and `cancel` against Kubeflow's own API, and what they say when it fails."""

import json
import socket
import time
from pathlib import Path

import pytest

from pipelines.cluster import api
from tests.pipelines.cluster.commands import asked, desta, details, submit
from tests.pipelines.cluster.kubeflow import Kubeflow
from tests.pipelines.cluster.making import write_cluster

pytestmark = pytest.mark.usefixtures("alone")


@pytest.mark.parametrize(("state", "code"), [("SUCCEEDED", 0), ("FAILED", 1), ("CANCELED", 130)])
def test_waiting_shows_the_tasks_as_they_go_and_ends_as_the_run_did(
    kubeflow: Kubeflow, corpus: Path, state: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeflow.course = [
        {"state": "RUNNING", **details(ingest_audio="RUNNING")},
        {"state": "RUNNING", **details(ingest_audio="RUNNING")},
        {"state": state, **details(ingest_audio="SUCCEEDED", train_model=state)},
    ]
    assert submit(kubeflow, corpus, "--wait", "--json") == code
    said = capsys.readouterr()
    shown = [" ".join(line.split()) for line in said.err.splitlines()]
    assert shown == ["run run-0", "ingest-audio running", "ingest-audio succeeded", f"train-model {state.lower()}"]
    assert json.loads(said.out)["state"] == state


@pytest.mark.parametrize(
    ("state", "word", "code", "said"),
    [
        (
            "SUCCEEDED",
            '{"state": "refused", "exit_code": 3, "error": "champion: version 1 stays"}',
            3,
            "refused: champ",
        ),
        ("FAILED", '{"state": "refused", "exit_code": 3, "error": "validate_data: too few"}', 3, "refused: validate"),
        ("FAILED", '{"state": "failed", "exit_code": 130, "error": "interrupted"}', 130, "failed: interrupted"),
        ("SUCCEEDED", '{"state": "succeeded", "exit_code": 0, "error": null}', 0, "succeeded"),
        ("FAILED", '{"state": "no such word"}', 1, "failed: a pod"),
        ("FAILED", None, 1, "failed: a pod"),
    ],
)
def test_a_run_ended_as_its_last_task_says_as_long_as_its_log_is_there(
    kubeflow: Kubeflow,
    corpus: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    state: str,
    word: str | None,
    code: int,
    said: str,
) -> None:
    failed = {"error": {"code": 1, "message": "a pod failed"}} if state == "FAILED" else {}
    kubeflow.course = [{"state": state, **failed, **details(train_model=state, close_run="SUCCEEDED")}]
    if word:
        kubeflow.logs = {"close_run-pod": f"a line\n[KFP] desta: run ended: {word}\nanother\n"}
    assert submit(kubeflow, corpus, "--wait") == code
    assert f"run run-0 (desta smoke) {said}" in capsys.readouterr().out
    assert asked(kubeflow, tmp_path, "status", "run-0") == 0
    assert f"run run-0 (desta smoke) {said}" in capsys.readouterr().out


def test_a_short_failure_of_the_cluster_does_not_end_the_waiting(kubeflow: Kubeflow, corpus: Path) -> None:
    kubeflow.course = [{"state": "SUCCEEDED"}]
    failures = iter([503, 502])
    kubeflow.fault = lambda request: next(failures, None) if request == "GET /runs/run-0" else None
    assert submit(kubeflow, corpus, "--wait") == 0


def test_a_cluster_that_stays_away_ends_the_waiting_and_says_that_the_run_may_go_on(
    kubeflow: Kubeflow, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeflow.fault = lambda request: 503 if request == "GET /runs/run-0" else None
    assert submit(kubeflow, corpus, "--wait") == 1
    assert "the run may go on" in capsys.readouterr().err


def test_the_status_of_a_failed_run_says_how_to_see_why(
    kubeflow: Kubeflow, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    submit(kubeflow, corpus)
    kubeflow.runs["run-0"].update({"state": "FAILED", **details(ingest_audio="SUCCEEDED", train_model="FAILED")})
    capsys.readouterr()
    assert asked(kubeflow, tmp_path, "status", "run-0") == 0
    wanted = f"see why: desta logs run-0 --cluster {tmp_path / 'laptop.yaml'} --task train-model\n"
    assert capsys.readouterr().err == wanted


def test_status_shows_the_newest_run_or_one_by_its_id(
    kubeflow: Kubeflow, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        submit(kubeflow, corpus)
    kubeflow.runs["run-0"].update({"state": "FAILED", "error": {"code": 1, "message": "no\nnode"}})
    capsys.readouterr()
    assert asked(kubeflow, tmp_path, "status") == 0
    assert capsys.readouterr().out == "run run-1 (desta smoke) pending\n"
    assert asked(kubeflow, tmp_path, "status", "run-0") == 0
    assert capsys.readouterr().out == "run run-0 (desta smoke) failed: no node\n"


def test_logs_are_those_of_the_pods_that_are_still_known(
    kubeflow: Kubeflow, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    submit(kubeflow, corpus)
    kubeflow.runs["run-0"].update(details(ingest_audio="SUCCEEDED", train_model="RUNNING"))
    kubeflow.logs = {"ingest_audio-pod": "24 clips\nDone: ü\n", "train_model-pod": "step 1\n"}
    capsys.readouterr()
    assert asked(kubeflow, tmp_path, "logs", "run-0") == 0
    assert capsys.readouterr().out == "ingest-audio: 24 clips\ningest-audio: Done: ü\ntrain-model: step 1\n"
    assert asked(kubeflow, tmp_path, "logs", "run-0", "--task", "train-model", "--follow") == 0
    assert capsys.readouterr().out == "step 1\n"
    del kubeflow.logs["train_model-pod"]
    assert asked(kubeflow, tmp_path, "logs", "run-0", "--task", "train-model") == 1
    assert "has no log of it" in capsys.readouterr().err
    assert asked(kubeflow, tmp_path, "logs", "run-0") == 0
    said = capsys.readouterr()
    assert said.out.startswith("ingest-audio: 24 clips\n")
    assert said.err.startswith("train-model: ")
    assert asked(kubeflow, tmp_path, "logs", "run-0", "--task", "train") == 1
    assert "no task train; there are: ingest-audio, train-model" in capsys.readouterr().err


def test_cancel_asks_once_and_not_for_what_has_ended(
    kubeflow: Kubeflow, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    submit(kubeflow, corpus)
    assert asked(kubeflow, tmp_path, "cancel", "run-0") == 0
    assert kubeflow.requests[-1] == "POST /runs/run-0:terminate"
    kubeflow.runs["run-0"]["state"] = "CANCELED"
    assert asked(kubeflow, tmp_path, "cancel", "run-0") == 1
    assert "has ended (canceled)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "line", "request_"),
    [
        (401, "name a token with --token-env or --token-file", "GET /healthz"),
        (403, "not permitted", "POST /experiments"),
        (404, "no such thing", "POST /runs"),
        (409, "there already", "POST /pipelines/upload_version"),
        (500, "out of order", "POST /runs"),
        (503, "out of order", "GET /healthz"),
    ],
)
def test_a_refusal_is_one_line_and_nothing_is_asked_twice(
    kubeflow: Kubeflow, corpus: Path, status: int, line: str, request_: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeflow.fault = lambda request: status if request == request_ else None
    assert submit(kubeflow, corpus) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"error: {kubeflow.host}: {status}: ")
    assert line in said
    assert kubeflow.requests.count(request_) == 1
    assert not kubeflow.runs


def test_a_cluster_that_is_slow_is_one_line(
    kubeflow: Kubeflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(api, "TIMEOUTS_S", (0.1, 0.1))
    kubeflow.fault = lambda _: time.sleep(0.4)
    assert asked(kubeflow, tmp_path, "status", "run-0") == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert "no answer in time" in said


def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert desta("cancel", "r", "--cluster", str(write_cluster(tmp_path)), "--host", host) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert "cannot be reached" in said


def test_a_page_for_people_is_not_taken_for_an_answer(
    kubeflow: Kubeflow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeflow.content_type = "text/html"
    assert asked(kubeflow, tmp_path, "status") == 1
    assert "not as Kubeflow Pipelines' API" in capsys.readouterr().err


def test_a_token_goes_with_every_request_and_into_no_line(
    kubeflow: Kubeflow, corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = corpus.parent / "token"
    file.write_text("hunter2\n")
    monkeypatch.setenv("MY_TOKEN", "hunter2")
    for reference in (("--token-file", str(file)), ("--token-env", "MY_TOKEN")):
        assert submit(kubeflow, corpus, *reference) == 0
    assert set(kubeflow.tokens) == {"Bearer hunter2"}
    kubeflow.fault = lambda _: 401
    assert submit(kubeflow, corpus, "--token-env", "MY_TOKEN") == 1
    said = capsys.readouterr()
    assert "hunter2" not in said.out + said.err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "--host: want the address"),
        (("--host", "localhost:8888"), "KFP_HOST: want an address"),
        (("--host", "http://me:hunter2@localhost"), "without user, password"),
        (("--host", "http://localhost:1", "--token-env", "NOT_SET_HERE"), "holds no token"),
        (("--host", "http://localhost:1", "--token-file", "/none"), "cannot be read"),
        (("--host", "http://localhost:1", "--token-file", "/none", "--token-env", "A"), "leave one of the two out"),
    ],
)
def test_a_cluster_that_is_not_named_well_is_asked_nothing(
    words: tuple[str, ...], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desta("status", "--cluster", str(write_cluster(tmp_path)), *words) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert line in said
    assert "hunter2" not in said
