"""Who asks a server over HTTP, and at which address."""

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from components.core.contracts.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A part of the project that asks a server.

    `name` and `setting` stand in its messages: who it is, and where its address was given. `key_variable` is the
    environment variable with the key that the server wants.
    """

    name: str
    setting: str
    key_variable: str

    def address(self, text: str) -> str:
        """Return an address without the slash at its end.

        Raises:
            ConfigurationError: no server can stand behind it, or it has a secret in it, which is not repeated.
        """
        parts = _parts(text)
        if parts.username or parts.password or parts.query:
            raise ConfigurationError(
                f"{self.setting}: an address without user, password and query is wanted, since parameters are"
                f" logged: put a key into {self.key_variable}"
            )
        if not _has_host(parts):
            raise ConfigurationError(
                f"{self.setting}: want an address of http or https with a host, as a browser takes it, got {text!r}"
            )
        return text.rstrip("/")


def _parts(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:  # such as a bracket that is never closed
        return SplitResult("", "", "", "", "")


def _has_host(parts: SplitResult) -> bool:
    try:
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number of one
        return False
