"""Why a request is not answered, in OpenAI's form."""

from collections.abc import Mapping
from typing import Any

_TYPES = {401: "authentication_error", 429: "rate_limit_error", 500: "server_error", 503: "server_error"}


class Refused(Exception):
    """A request that is not answered: an HTTP status, a line for the reader, and a word for programs."""

    def __init__(
        self, status: int, line: str, code: str, param: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(line)
        self.status, self.code, self.param, self.headers = status, code, param, dict(headers or {})

    def body(self) -> dict[str, Any]:
        """Return what the client reads."""
        kind = _TYPES.get(self.status, "invalid_request_error")
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


def wrong(param: str | None, line: str) -> Refused:
    """Return the refusal of a request that cannot be understood."""
    return Refused(400, f"{param}: {line}" if param else line, "invalid_value", param)
