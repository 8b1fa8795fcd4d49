"""Kubeflow Pipelines' API through its official client: every answer in time, every failure one line."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kfp_server_api
import urllib3
from kfp_server_api import ApiException

from components.core.callers import Caller
from components.core.contracts.errors import ConfigurationError, DestaError, SourceError

TOKEN_VARIABLE = "KFP_TOKEN"
_CALLER = Caller(name="cluster", setting="KFP_HOST", key_variable=TOKEN_VARIABLE)
TIMEOUTS_S = (10.0, 60.0)  # to connect, and for an answer
_PAGE = 100
_WRONG: dict[int, str] = {
    401: "it wants to know who asks; name a token with --token-env or --token-file",
    403: "this is not permitted to you; ask who runs the cluster, or name another namespace in its profile",
    404: "there is no such thing; see `desta status --cluster`, and mend the id or the address",
    409: "it is there already, or in no state for this; look with `desta status --cluster`",
}


class Unavailable(SourceError):
    """A failure of the cluster that may pass."""


class Refused(SourceError):
    """What the cluster does not take, by the status with which it says so."""

    def __init__(self, line: str, status: int) -> None:
        super().__init__(line)
        self.status = status


class Api:
    """The services of a cluster; nothing is asked of it before `call`."""

    def __init__(self, host: str, token: str | None) -> None:
        """Name a cluster; ConfigurationError for what is no address."""
        configuration = kfp_server_api.Configuration(host=_CALLER.address(host))
        configuration.retries = False  # a run that was asked for twice would run twice
        if token:
            configuration.api_key = {"authorization": token}
            configuration.api_key_prefix = {"authorization": "Bearer"}
        self.host = configuration.host
        self.client = kfp_server_api.ApiClient(configuration)
        self.runs = kfp_server_api.RunServiceApi(self.client)
        self.recurring_runs = kfp_server_api.RecurringRunServiceApi(self.client)
        self.pipelines = kfp_server_api.PipelineServiceApi(self.client)
        self.uploads = kfp_server_api.PipelineUploadServiceApi(self.client)
        self.experiments = kfp_server_api.ExperimentServiceApi(self.client)
        self._health = kfp_server_api.HealthzServiceApi(self.client)

    def namespace(self, wanted: str) -> dict[str, str]:
        """Return the namespace as an argument, or nothing where the cluster has one user and refuses to hear of it."""
        health = self.call(self._health.healthz_service_get_healthz_with_http_info)
        return {"namespace": wanted} if health.multi_user else {}

    def call(self, call: Callable[..., Any], *words: Any, **values: Any) -> Any:
        """Ask the cluster.

        Raises:
            Unavailable: it cannot be reached, is slow or out of order.
            Refused: it does not take what is asked.
            SourceError: it is no Kubeflow Pipelines.
        """
        with_explanation = explained(self.host)
        answer, _, headers = with_explanation(lambda: call(*words, **values, _request_timeout=TIMEOUTS_S))
        # A page for people, such as that of a login, would read as an empty list.
        if "json" not in headers.get("Content-Type", ""):
            raise SourceError(f"{self.host}: answers, but not as Kubeflow Pipelines' API; mend the address")
        return answer

    def pages(self, call: Callable[..., Any], field: str, *words: Any, **values: Any) -> Iterator[Any]:
        """Yield what all pages of a list have in `field`."""
        page = ""
        while True:
            answer = self.call(call, *words, **values, page_token=page, page_size=_PAGE)
            yield from getattr(answer, field) or ()
            page = answer.next_page_token or ""
            if not page:
                return


def explained(host: str, refused: type[Exception] = ApiException) -> Callable[[Callable[[], Any]], Any]:
    """Return what does a piece of work with a cluster and gives each failure its line; see `Api.call`.

    `refused` is the exception that the client raises for an answer that is an error: this one's, or Kubernetes'.
    """

    def work(ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except refused as error:
            raise refusal(host, error.status or 0, str(error.body or error.reason)) from error  # type: ignore[attr-defined]
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if _is_slow(error):
                raise Unavailable(f"{host}: no answer in time; try again, or look whether it is up") from error
            raise Unavailable(
                f"{host}: cannot be reached: {_line(error)}; is it up, and is the address right?"
            ) from error

    return work


def refusal(host: str, status: int, said: str) -> DestaError:
    """Return the error for a status with which the cluster answers."""
    if status >= 500:
        return Unavailable(f"{host}: {status}: out of order: {_line(said)}; try again")
    return Refused(f"{host}: {status}: {_WRONG.get(status, 'it refuses')} ({_line(said)})", status)


def named(name: str) -> str:
    """Return the filter for what has a name."""
    predicate = {"operation": "EQUALS", "key": "display_name", "stringValue": name}
    return json.dumps({"predicates": [predicate]})


def host_of(given: str | None) -> str:
    """Return the address of the cluster.

    Raises:
        ConfigurationError: none was given.
    """
    if host := given or os.environ.get("KFP_HOST"):
        return host
    raise ConfigurationError("--host: want the address of Kubeflow Pipelines' API here or in KFP_HOST")


def token_of(variable: str | None, file: Path | None) -> str | None:
    """Return the token that a variable or a file holds, if the cluster wants one.

    Raises:
        ConfigurationError: both are named, or what is named holds none.
    """
    if variable and file:
        raise ConfigurationError("--token-env, --token-file: leave one of the two out")
    if file:
        try:
            token = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"--token-file {file}: cannot be read; name a file with the token") from error
        named = f"--token-file {file}"
    else:
        token, named = os.environ.get(variable or TOKEN_VARIABLE, "").strip(), f"--token-env {variable}"
    if not token and (variable or file):
        raise ConfigurationError(f"{named}: holds no token")
    if not re.fullmatch(r"[!-~]*", token):
        raise ConfigurationError(f"{named if variable or file else TOKEN_VARIABLE}: holds no token of one word")
    return token or None


def _is_slow(error: Exception) -> bool:
    """Say whether an answer was waited for in vain; to urllib3 a refused connection is a timeout too."""
    timed_out = isinstance(error, urllib3.exceptions.TimeoutError)
    return timed_out and not isinstance(error, urllib3.exceptions.NewConnectionError)


def _line(said: Any) -> str:
    """Return what was said, of an answer in JSON its message."""
    text = str(said)
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    message = content.get("message") if isinstance(content, dict) else None
    return " ".join(str(message or text).split())[:200]
