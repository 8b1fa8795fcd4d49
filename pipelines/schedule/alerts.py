"""Alerts of schedules by webhook and e-mail; one that cannot be delivered is a line, and never fails a run."""

import hashlib
import hmac
import os
import smtplib
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from http.client import HTTPException
from typing import Any

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Record
from components.core.digests import canonical_json
from pipelines.schedule.alerting import Alerts, Email, Event, Webhook

SIGNATURE = "X-Desta-Signature"
"""The header with `sha256=` and the HMAC of the body, in hexadecimal."""
_TIMEOUT_S = 10.0
_WAITS_S = (1.0, 4.0, 16.0)
_TOO_MANY, _BROKEN = 429, 500


class Notice(Record):
    """What people are told; the body of a webhook is this record."""

    event: Event
    schedule: str
    owner: str
    run_id: str | None
    lines: tuple[str, ...]
    at: str


class _Passing(Exception):
    """A failure that may pass."""


def send(alerts: Alerts, notice: Notice, wait: Callable[[float], object] = time.sleep) -> tuple[str, ...]:
    """Tell everybody whom the alerts name, and return a line for each way: delivered, or why not."""
    if notice.event not in alerts.about:
        return ()
    return tuple(_deliveries(alerts, notice, wait))


def _deliveries(alerts: Alerts, notice: Notice, wait: Callable[[float], object]) -> Iterator[str]:
    if webhook := alerts.webhook:
        yield _delivered(f"{notice.event} by webhook", lambda: _post(webhook, notice), wait)
    if email := alerts.email:
        yield _delivered(f"{notice.event} by e-mail", lambda: _mail(email, notice), wait)


def _delivered(what: str, attempt: Callable[[], None], wait: Callable[[float], object]) -> str:
    """Try until it is delivered, as often as there are waits, with a growing wait in between."""
    for wait_s in (*_WAITS_S, None):
        try:
            attempt()
        except _Passing as error:
            if wait_s is None:
                return f"{what}: not delivered after {len(_WAITS_S) + 1} attempts: {error}"
            wait(wait_s)
        except (SourceError, smtplib.SMTPException) as error:
            return f"{what}: not delivered: {_line(error)}"
        else:
            return f"{what}: delivered"
    raise AssertionError("the last attempt returns")


def _post(webhook: Webhook, notice: Notice) -> None:
    body = canonical_json(notice.model_dump(mode="json")).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "desta"}
    if webhook.secret_env:
        headers[SIGNATURE] = signature_of(body, _secret(webhook.secret_env))
    request = urllib.request.Request(webhook.url, data=body, headers=headers)  # noqa: S310 (http or https: checked)
    try:
        with _OPENER.open(request, timeout=_TIMEOUT_S):
            return
    except urllib.error.HTTPError as error:
        line = f"{error.code} {error.reason}"
        error.close()
        if error.code == _TOO_MANY or error.code >= _BROKEN:
            raise _Passing(line) from error
        raise SourceError(f"the server refuses it: {line}") from error
    except (OSError, HTTPException) as error:
        raise _Passing(_line(error)) from error


def signature_of(body: bytes, secret: str) -> str:
    """Return what the signature's header says of a body: the receiver computes it again and compares."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def _mail(email: Email, notice: Notice) -> None:
    # Without a name of its own the library asks DNS for this machine's, and waits where there is none.
    domain = email.sender.partition("@")[2]
    try:
        with smtplib.SMTP(email.host, email.port, local_hostname=domain, timeout=_TIMEOUT_S) as server:
            if email.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if email.user and email.password_env:
                server.login(email.user, _secret(email.password_env))
            server.send_message(_message(email, notice))
    except ssl.SSLCertVerificationError as error:
        raise SourceError(f"{email.host}: its certificate is not trusted: {error.verify_message}") from error
    except (smtplib.SMTPServerDisconnected, smtplib.SMTPConnectError) as error:
        raise _Passing(_line(error)) from error
    except smtplib.SMTPResponseException as error:
        # 4xx is "not now" in SMTP, 5xx is "no".
        raise (_Passing if error.smtp_code < _BROKEN else SourceError)(_line(error)) from error
    except smtplib.SMTPException:
        raise
    except OSError as error:
        raise _Passing(_line(error)) from error


def _message(email: Email, notice: Notice) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = email.sender, ", ".join(email.to)
    message["Subject"] = f"desta: {notice.event} of schedule {notice.schedule}"
    run = f"run {notice.run_id}" if notice.run_id else "no run began"
    message.set_content("\n".join([f"Schedule {notice.schedule} of {notice.owner}, {run}.", "", *notice.lines]))
    return message


def _secret(variable: str) -> str:
    secret = os.environ.get(variable)
    if not secret:
        raise SourceError(f"the environment variable {variable} is not set")
    return secret


def _line(error: Any) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {said.decode(errors='replace') if isinstance(said, bytes) else said}"
    return " ".join(str(error).split())[:200] or type(error).__name__


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Lets a redirect be a refusal: what is signed for one address is not sent to another."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


# Proxies of the environment are not used: the file names who is told.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
