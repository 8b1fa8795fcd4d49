"""`desta doctor --cluster` against both APIs over HTTP: what is whole is found whole, and each gap is named, alone."""

import socket
import time
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.cluster_checks import asking
from tests.http_server import Reply
from tests.infra.kubernetes.rendering import OVERLAYS
from tests.pipelines.cluster.kubeflow import Kubeflow
from tests.pipelines.cluster_checks.conftest import Clusters
from tests.pipelines.cluster_checks.examining import doctor, wanting
from tests.pipelines.cluster_checks.kubernetes_api import VALUE, write_kubeconfig


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_as_it_is_rendered_lacks_nothing(
    overlay: str, clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters(overlay)
    code, findings = doctor(capsys, overlay, "--host", kubeflow.host)
    assert wanting(findings).keys() == set()
    assert {"namespace", "secret mlflow-runs", "node for train_model", "your rights"} <= findings.keys()
    assert code == 0


def test_looking_changes_nothing_and_sees_no_secret(
    clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    api = clusters("laptop")
    doctor(capsys, "laptop", "--host", kubeflow.host)
    posts = {request for request in api.requests if not request.startswith("GET ")}
    assert posts == {"POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"}
    assert kubeflow.posts() == []
    assert any("/secrets/" in request for request in api.requests)
    assert VALUE.encode() not in b"".join(api.sent)


@pytest.mark.parametrize(("version", "state"), [("v1.36.2", "ok"), ("v1.29.4", "warning"), ("v1.40.0", "warning")])
def test_a_kubernetes_that_was_not_tried_is_a_warning(
    version: str, state: str, clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop").version = version
    _, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert findings["kubernetes"][0] == state
    assert version in findings["kubernetes"][1]


@pytest.mark.parametrize(
    ("version", "state"), [("2.17.3", "ok"), ("2.16.0", "error"), ("1.8.5", "error"), ("unknown", "warning")]
)
def test_kubeflow_has_to_be_new_enough(
    version: str, state: str, clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop")
    kubeflow.version = version
    _, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert findings["kubeflow"][0] == state
    assert version in findings["kubeflow"][1]


def test_a_kubeflow_of_one_user_makes_its_runs_elsewhere(
    clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop")
    kubeflow.multi_user = False
    _, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert wanting(findings).keys() == {"users"}
    assert "your rights" not in findings


def test_runs_that_kubeflow_does_not_show_are_an_error(
    clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop")
    kubeflow.fault = lambda request: 403 if request == "GET /runs" else None
    code, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert wanting(findings).keys() == {"runs"}
    assert (code, findings["runs"][0]) == (1, "error")


def test_a_cluster_whose_kubernetes_cannot_be_reached_is_one_line_and_kubeflow_is_still_asked(
    clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop")
    code, findings = doctor(capsys, "laptop", "--host", kubeflow.host, "--context", "nowhere")
    assert findings.keys() == {"kubeflow", "users", "runs", "kubernetes"}
    assert "127.0.0.1:9: cannot be reached" in findings["kubernetes"][1]
    assert code == 1


def test_a_kubeflow_that_cannot_be_reached_is_one_line_and_kubernetes_is_still_asked(
    clusters: Clusters, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop")
    code, findings = doctor(capsys, "laptop", "--host", "http://127.0.0.1:9")
    assert wanting(findings).keys() == {"kubeflow"}
    assert "cannot be reached" in findings["kubeflow"][1]
    assert code == 1


def test_without_an_address_of_kubeflow_the_rest_is_checked(
    clusters: Clusters, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop")
    code, findings = doctor(capsys, "laptop")
    assert wanting(findings).keys() == {"kubeflow"}
    assert "KFP_HOST" in findings["kubeflow"][1]
    assert code == 1


@pytest.mark.parametrize("where", ["kubernetes", "kubeflow"])
def test_the_page_of_a_login_is_no_answer(
    where: str, clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    api = clusters("laptop")
    if where == "kubernetes":
        api.reply = Reply(200, b"<html>who are you?</html>", {"Content-Type": "text/html"})
    else:
        kubeflow.content_type = "text/html"
    _, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert findings[where][0] == "error"
    assert "answers, but not as Kube" in findings[where][1]


def test_a_server_that_does_not_answer_is_given_up(
    kubeflow: Kubeflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(asking, "TIMEOUTS_S", (0.2, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        file = write_kubeconfig(tmp_path / "kubeconfig", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("KUBECONFIG", str(file))
        started = time.monotonic()
        code, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert time.monotonic() - started < 10
    assert "no answer in time" in findings["kubernetes"][1]
    assert code == 1


def test_a_server_that_breaks_at_one_question_spoils_one_check(
    clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop").broken.add("networkpolicies")
    code, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert wanting(findings).keys() == {"default deny", "flows"}
    assert "500: out of order" in findings["flows"][1]
    assert code == 1


def test_somebody_whom_the_cluster_does_not_know_is_told_to_log_in(
    clusters: Clusters, kubeflow: Kubeflow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = clusters("laptop")
    write_kubeconfig(tmp_path / "kubeconfig", api.host, "another-token")
    _, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert "401: it does not know you; log in" in findings["kubernetes"][1]
    assert "another-token" not in str(findings)


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "not: [closed",
        "- a list",
        "just words",
        "clusters: 7",
        "{apiVersion: v1, kind: Config, current-context: gone, contexts: [], clusters: [], users: []}",
        "\x00",
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_one_line(
    content: str | None,
    kubeflow: Kubeflow,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "kubeconfig"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("KUBECONFIG", str(file))
    code, findings = doctor(capsys, "laptop", "--host", kubeflow.host)
    assert findings["kubernetes"][0] == "error"
    assert findings["kubernetes"][1].startswith(f"kubeconfig {file}: ")
    assert "\n" not in findings["kubernetes"][1]
    assert code == 1


def test_a_context_that_is_not_there_is_named(
    clusters: Clusters, kubeflow: Kubeflow, capsys: pytest.CaptureFixture[str]
) -> None:
    clusters("laptop")
    _, findings = doctor(capsys, "laptop", "--host", kubeflow.host, "--context", "elsewhere")
    assert "elsewhere" in findings["kubernetes"][1]


def test_options_of_a_cluster_want_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["doctor", "--context", "here"])
    assert end.value.code == 2
    assert "--context: is for --cluster" in capsys.readouterr().err
