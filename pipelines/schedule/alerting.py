"""Whom a schedule tells of what, as its file says it."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from components.core.callers import Caller
from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record

EnvironmentVariable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
"""The name of a variable that holds a secret; the secret itself never stands in a file."""
_Address = Annotated[str, Field(pattern=r"^[^@\s,<>]+@[^@\s,<>]+$", max_length=254)]


class Event(StrEnum):
    """What an alert can be about."""

    FAILURE = "failure"
    REFUSAL = "refusal"
    DRIFT = "drift"


class Webhook(Record):
    """An address that gets a JSON document; with a secret, also its signature."""

    url: str
    secret_env: EnvironmentVariable | None = None

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        caller = Caller(name="schedule", setting="url", key_variable="a variable that secret_env names")
        try:
            return caller.address(url)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error


class Email(Record):
    """People who get a message, and the server that takes it."""

    to: tuple[_Address, ...] = Field(min_length=1)
    sender: _Address
    host: str = Field(min_length=1)
    port: int = Field(587, ge=1, le=65535)
    security: Literal["starttls", "plain"] = "starttls"
    user: str | None = None
    password_env: EnvironmentVariable | None = None

    @model_validator(mode="after")
    def _password_goes_in_secret(self) -> Self:
        if (self.user is None) != (self.password_env is None):
            raise ValueError("user and password_env go together; write both or none")
        if self.password_env and self.security == "plain":
            raise ValueError("a password is not sent in the clear; want security: starttls")
        return self


class Alerts(Record):
    """Whom a schedule tells, and of what."""

    about: tuple[Event, ...] = Field(tuple(Event), min_length=1)
    webhook: Webhook | None = None
    email: Email | None = None

    @model_validator(mode="after")
    def _somebody_is_told(self) -> Self:
        if not (self.webhook or self.email):
            raise ValueError("nobody is told; want webhook, email or both")
        return self
