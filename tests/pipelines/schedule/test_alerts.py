"""Alerts arrive at real servers, signed and encrypted; one that cannot arrive is a line."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipelines.schedule.alerting import Alerts, Event
from pipelines.schedule.alerts import Notice, send, signature_of
from tests.pipelines.schedule.mailbox import make_certificate, receiving

HOOK_SECRET, MAIL_PASSWORD = "HOOK_SECRET", "MAIL_PASSWORD"
_NOTICE = Notice(
    event=Event.FAILURE,
    schedule="weekly",
    owner="data team",
    run_id="r1",
    lines=("train_model: the loss is no number", "a line of Ünïcode"),
    at="2026-11-30T03:10:00+00:00",
)


@dataclass
class Receiver:
    """Keeps what is posted; `answers` are the statuses that it gives, the last of them for ever."""

    url: str = ""
    answers: list[int] = field(default_factory=lambda: [204])
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def _listening() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.headers.append(dict(self.headers))
            status = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
            self.send_response(status)
            self.send_header("Location", f"{receiver.url}elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with _listening() as found:
        yield found


def _by_webhook(receiver: Receiver, **more: Any) -> Alerts:
    return _alerts(webhook={"url": receiver.url, **more})


def _by_mail(port: int, **more: Any) -> Alerts:
    return _alerts(
        email={
            "to": ["a@b.example", "c@d.example"],
            "sender": "desta@b.example",
            "host": "localhost",
            "port": port,
            **more,
        }
    )


def _alerts(**content: Any) -> Alerts:
    return Alerts.model_validate_json(json.dumps(content))


def _never(wait_s: float) -> None:
    pytest.fail(f"it was to be tried again after {wait_s} s")


def test_a_webhook_gets_the_facts_as_json_with_a_signature_that_only_the_secret_can_make(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOOK_SECRET, "s3cret")
    assert send(_by_webhook(receiver, secret_env=HOOK_SECRET), _NOTICE) == ("failure by webhook: delivered",)
    assert json.loads(receiver.bodies[0]) == json.loads(_NOTICE.model_dump_json())
    headers = receiver.headers[0]
    assert headers["X-Desta-Signature"] == signature_of(receiver.bodies[0], "s3cret")
    assert headers["X-Desta-Signature"] != signature_of(receiver.bodies[0] + b" ", "s3cret")
    assert headers["Content-Type"] == "application/json"


def test_a_webhook_without_a_secret_is_not_signed(receiver: Receiver) -> None:
    send(_by_webhook(receiver), _NOTICE)
    assert "X-Desta-Signature" not in receiver.headers[0]


def test_only_what_the_file_names_is_told(receiver: Receiver) -> None:
    alerts = _alerts(about=["refusal"], webhook={"url": receiver.url})
    assert send(alerts, _NOTICE) == ()
    assert receiver.bodies == []


def test_a_server_in_trouble_is_tried_again_with_growing_waits(receiver: Receiver) -> None:
    receiver.answers = [500, 429, 204]
    waits: list[float] = []
    assert send(_by_webhook(receiver), _NOTICE, waits.append) == ("failure by webhook: delivered",)
    assert waits == [1.0, 4.0]


def test_a_server_that_stays_in_trouble_is_given_up_with_a_line(receiver: Receiver) -> None:
    receiver.answers = [503]
    (line,) = send(_by_webhook(receiver), _NOTICE, lambda _: None)
    assert line == "failure by webhook: not delivered after 4 attempts: 503 Service Unavailable"


@pytest.mark.parametrize("status", [404, 403, 302])
def test_a_refusal_or_a_redirect_is_not_tried_again(status: int, receiver: Receiver) -> None:
    receiver.answers = [status]
    (line,) = send(_by_webhook(receiver), _NOTICE, _never)
    assert f"not delivered: the server refuses it: {status}" in line
    assert len(receiver.bodies) == 1


def test_nobody_at_the_address_is_a_line() -> None:
    (line,) = send(_alerts(webhook={"url": "http://127.0.0.1:9/"}), _NOTICE, lambda _: None)
    assert "not delivered after 4 attempts" in line
    assert "refused" in line


def test_a_secret_that_is_not_set_is_a_line_and_nothing_is_sent(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(HOOK_SECRET, raising=False)
    (line,) = send(_by_webhook(receiver, secret_env=HOOK_SECRET), _NOTICE)
    assert line.endswith("the environment variable HOOK_SECRET is not set")
    assert receiver.bodies == []


def test_mail_goes_encrypted_and_with_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate(tmp_path / "certificate.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv(MAIL_PASSWORD, "s3cret")
    with receiving(certificate) as box:
        lines = send(_by_mail(box.port, user="me", password_env=MAIL_PASSWORD), _NOTICE)
    assert lines == ("failure by e-mail: delivered",)
    assert (box.logins, box.encrypted) == (["\0me\0s3cret"], [True])
    assert "To: a@b.example, c@d.example" in box.messages[0]
    assert "Subject: desta: failure of schedule weekly" in box.messages[0]


def test_plain_mail_goes_where_the_file_says_so() -> None:
    with receiving() as box:
        assert send(_by_mail(box.port, security="plain"), _NOTICE) == ("failure by e-mail: delivered",)
    assert box.encrypted == [False]


def test_a_certificate_that_nobody_trusts_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate(tmp_path / "certificate.pem")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with receiving(certificate) as box:
        (line,) = send(_by_mail(box.port), _NOTICE, _never)
    assert "not delivered: localhost: its certificate is not trusted" in line
    assert box.messages == []


def test_a_server_without_encryption_gets_nothing_that_wants_it() -> None:
    with receiving() as box:
        (line,) = send(_by_mail(box.port), _NOTICE, _never)
    assert "not delivered: STARTTLS" in line
    assert box.messages == []


def test_a_mail_server_that_says_not_now_is_tried_again() -> None:
    with receiving() as box:
        box.answers = ["451 try later"]
        assert send(_by_mail(box.port, security="plain"), _NOTICE, lambda _: None) == ("failure by e-mail: delivered",)
    assert len(box.messages) == 1


def test_a_mail_server_that_says_no_is_not() -> None:
    with receiving() as box:
        box.answers = ["550 no"]
        (line,) = send(_by_mail(box.port, security="plain"), _NOTICE, _never)
    assert line == "failure by e-mail: not delivered: 550 no"


def test_nobody_at_the_mail_server_is_a_line() -> None:
    (line,) = send(_by_mail(9, security="plain"), _NOTICE, lambda _: None)
    assert "failure by e-mail: not delivered after 4 attempts" in line


def test_both_ways_are_tried_when_one_fails(receiver: Receiver) -> None:
    receiver.answers = [404]
    with receiving() as box:
        email = json.loads(_by_mail(box.port, security="plain").model_dump_json())["email"]
        lines = send(_alerts(webhook={"url": receiver.url}, email=email), _NOTICE)
    assert [line.partition(":")[0] for line in lines] == ["failure by webhook", "failure by e-mail"]
    assert len(box.messages) == 1
