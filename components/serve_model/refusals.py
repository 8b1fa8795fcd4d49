"""Why a request is not answered, in OpenAI's form."""

from collections.abc import Mapping
from typing import Any

_TYPES = {401: "authentication_error", 429: "rate_limit_error", 500: "server_error", 503: "server_error"}


class Refused(Exception):
    """A request that is not answered: an HTTP status, a line for the reader, and a word for programs."""

    def __init__(
        self, status: int, line: str, code: str, param: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(_sayable(line))
        self.status, self.code, self.headers = status, code, dict(headers or {})
        self.param = None if param is None else _sayable(param)

    def body(self) -> dict[str, Any]:
        """Return what the client reads."""
        kind = _TYPES.get(self.status, "invalid_request_error")
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


def _sayable(text: str) -> str:
    """Return text that quotes a request, which need not be text that UTF-8 can carry."""
    return text.encode(errors="backslashreplace").decode()


def wrong(param: str | None, line: str) -> Refused:
    """Return the refusal of a request that cannot be understood."""
    return Refused(400, f"{param}: {line}" if param else line, "invalid_value", param)
