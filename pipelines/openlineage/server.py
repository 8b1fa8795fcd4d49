"""A server of lineage, such as Marquez, told with the client's own HTTP transport: no other setting is read than these.

OPENLINEAGE_URL, OPENLINEAGE_ENDPOINT and OPENLINEAGE_API_KEY are the client's own names. Its configuration files, and
what the user's home knows of passwords, are left alone.
"""

import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
from openlineage.client.event_v2 import RunEvent
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport, TokenProvider
from requests.utils import get_environ_proxies

from components.core.contracts.errors import ConfigurationError, SourceError

_ENDPOINT = "api/v1/lineage"
# A server that is starting says 503 for a moment; one that hangs is not asked twice.
_RETRIES = {"total": 2, "connect": 0, "read": 0, "raise_on_status": False}
_SHOWN = 200


@dataclass(frozen=True)
class Server:
    """Where events are sent to; the key travels in a header and is never shown."""

    url: str
    endpoint: str = _ENDPOINT
    key: str | None = field(default=None, repr=False)
    timeout_s: float = 5.0

    def send(self, event: RunEvent) -> None:
        """Send one event.

        Raises:
            SourceError: the server cannot be reached, or does not take the event.
        """
        transport = HttpTransport(self._config())
        try:
            transport.emit(event)
        except requests.HTTPError as error:
            raise SourceError(f"{self.url}: {_answer(error.response)}") from error
        except requests.TooManyRedirects as error:
            raise SourceError(f"{self.url}: sends on to another address; name that one") from error
        except requests.RequestException as error:
            kind = "did not answer in time" if isinstance(error, requests.Timeout) else "cannot be reached"
            raise SourceError(f"{self.url}: {kind}: {_reason(error)}; see that the server runs") from error
        finally:
            transport.close()

    def _config(self) -> HttpConfig:
        session = requests.Session()
        session.trust_env = False
        session.proxies.update(get_environ_proxies(self.url))
        session.max_redirects = 0
        auth = ApiKeyTokenProvider({"api_key": self.key}) if self.key else TokenProvider({})
        retry = HttpConfig.from_dict({"url": self.url, "retry": _RETRIES}).retry
        return HttpConfig(
            url=self.url, endpoint=self.endpoint, timeout=self.timeout_s, auth=auth, session=session, retry=retry
        )


def server_at(url: str) -> Server:
    """Return the server of an address.

    Raises:
        ConfigurationError: it is no address of a server, or holds a password.
    """
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ConfigurationError(
            "OpenLineage: the address holds a password; put a key into OPENLINEAGE_API_KEY instead"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"OpenLineage: {url!r}: want the address of a server, as http://HOST:PORT")
    return Server(url, os.environ.get("OPENLINEAGE_ENDPOINT") or _ENDPOINT, os.environ.get("OPENLINEAGE_API_KEY"))


def server_of_environment() -> Server | None:
    """Return the server that OPENLINEAGE_URL names, or `None`.

    Raises:
        ConfigurationError: see `server_at`.
    """
    url = os.environ.get("OPENLINEAGE_URL")
    return server_at(url) if url else None


def _answer(response: requests.Response) -> str:
    status = f"answers {response.status_code} {response.reason}"
    said = " ".join(response.text.split())[:_SHOWN]
    if response.status_code in (401, 403):
        return f"{status}; set OPENLINEAGE_API_KEY"
    if response.status_code == 404:
        return f"{status}; set OPENLINEAGE_ENDPOINT, or name a server of lineage"
    return f"{status}: {said or 'nothing more'}; its own log says why"


def _reason(error: requests.RequestException) -> str:
    """Return the innermost reason that the libraries give, in one line."""
    cause: BaseException = error
    while inner := getattr(cause, "reason", None) or next(
        (a for a in cause.args if isinstance(a, BaseException)), None
    ):
        if not isinstance(inner, BaseException):
            break
        cause = inner
    return " ".join(str(cause).split())[:_SHOWN] or type(cause).__name__
