"""The registry in MLflow: versions of our adapter, the alias `champion`, and the history of that alias.

Each change is a tag of the registered model, written before the alias moves: nothing moves without a record. A record
whose process was killed before the move is told by the champion that the next record found.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from pydantic import Field, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from components.core.contracts.errors import ConfigurationError, ContractError, SourceError
from components.core.contracts.records import Record
from components.core.home import Home
from components.core.publishing import alone

MODEL_NAME = "desta-adapter"
CHAMPION = "champion"
EVALUATION, EVALUATION_RUN = "desta.evaluation", "desta.evaluation.run"
"""Tags of a version: the digest of its report, and the MLflow run that has the report's files."""
ERASED, RETRAIN = "desta.erased", "desta.retrain"
"""Tags of a version: the erasure whose subject it learned from, and the command that trains one in its place."""
REASON_LENGTH = 1000
"""Characters of a reason at the most: MLflow's database keeps 5,000 of a tag."""
_CHANGE = re.compile(r"desta\.champion\.(\d+)", re.ASCII)
_VERSION = re.compile(rf"(?:{MODEL_NAME}@)?(\d{{1,9}})", re.ASCII)


class Decider(StrEnum):
    """Who moved the alias."""

    POLICY = "policy"
    HAND = "hand"


class Change(Record):
    """One change of the alias; `previous` was champion before it, `run_id` is the run that asked the policy."""

    version: str
    previous: str | None
    reason: str = Field(min_length=1)
    by: Decider
    rollback: bool = False
    at: str
    run_id: str | None = None


class Registry:
    """The versions of the adapter and who of them is champion; `alone_with` keeps other processes away meanwhile."""

    def __init__(self, home: Home) -> None:
        self._client = MlflowClient(home.tracking_uri, home.tracking_uri)

    @property
    def exists(self) -> bool:
        """Whether a model was ever registered."""
        return self._model() is not None

    @property
    def champion(self) -> str | None:
        """The version that the alias names."""
        model = self._model()
        version = model.aliases.get(CHAMPION) if model else None
        return None if version is None else str(version)

    @property
    def history(self) -> tuple[Change, ...]:
        """Every recorded change of the alias, the oldest first."""
        return tuple(change for _, change in sorted(self._changes().items()))

    def version(self, number: str) -> Any:
        """Return a version as MLflow knows it.

        Raises:
            ConfigurationError: there is no such version.
        """
        try:
            return self._client.get_model_version(MODEL_NAME, number)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise ConfigurationError(
                f"{MODEL_NAME}: no version {number} in the registry; `desta runs` lists the models"
            ) from error

    def versions(self) -> list[Any]:
        """Return every version."""
        return list(self._client.search_model_versions(f"name = '{MODEL_NAME}'"))

    def version_of(self, digest: str) -> Any | None:
        """Return the version that holds these very weights, if one does."""
        wanted = f"name = '{MODEL_NAME}' and tag.`desta.digest` = '{digest}'"
        return next(iter(self._client.search_model_versions(wanted)), None)

    def add(self, source: str, run_id: str, tags: Mapping[str, str]) -> Any:
        """Register a new version."""
        if not self.exists:
            about = "Adapters between an audio encoder and an LLM."
            self._client.create_registered_model(MODEL_NAME, description=about)
        return self._client.create_model_version(MODEL_NAME, source, run_id, dict(tags))

    def describe(self, number: str, description: str, tags: Mapping[str, str]) -> None:
        """Say what is known of a version, its tags in their order."""
        self._client.update_model_version(MODEL_NAME, number, description)
        for name, value in tags.items():
            self._client.set_model_version_tag(MODEL_NAME, number, name, value)

    def move(
        self, number: str, reason: str, by: Decider, *, run_id: str | None = None, rollback: bool = False
    ) -> Change:
        """Make a version the champion, and record why.

        Raises:
            ConfigurationError: there is no such version, or the reason is no line of text.
        """
        self.version(number)
        change = Change(
            version=number,
            previous=self.champion,
            reason=checked_reason(reason),
            by=by,
            rollback=rollback,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            run_id=run_id,
        )
        name = f"desta.champion.{max(self._changes(), default=0) + 1:04d}"
        self._client.set_registered_model_tag(MODEL_NAME, name, change.model_dump_json())
        self._client.set_registered_model_alias(MODEL_NAME, CHAMPION, number)
        return change

    def rollback(self, reason: str) -> Change:
        """Make the champion before the present one champion again.

        Raises:
            ConfigurationError: there was none, or the reason is no line of text.
        """
        present = self.champion
        earlier = earlier_champion(self.history, present)
        if earlier is None:
            raise ConfigurationError(
                f"{MODEL_NAME}: no champion before {f'version {present}' if present else 'any'} in the history "
                "(`desta champion`); name one: `desta promote VERSION --reason TEXT`"
            )
        return self.move(earlier, reason, Decider.HAND, rollback=True)

    def download(self, run_id: str, folder: Path) -> Path:
        """Bring the artifacts of an MLflow run to a folder."""
        return Path(self._client.download_artifacts(run_id, "", str(folder)))

    def _changes(self) -> dict[int, Change]:
        model = self._model()
        found = ((_CHANGE.fullmatch(name), value) for name, value in (model.tags if model else {}).items())
        return {int(match[1]): _change(match[0], value) for match, value in found if match}

    def _model(self) -> Any | None:
        return next(iter(self._client.search_registered_models(f"name = '{MODEL_NAME}'")), None)


@contextmanager
def alone_with(home: Home) -> Iterator[Registry]:
    """Yield the registry to the one process of this home that may move the alias; others wait."""
    with alone(home.root / "champion.lock"):
        yield Registry(home)


@contextmanager
def explaining(home: Home, then: str = "see `desta doctor`") -> Iterator[None]:
    """Give what MLflow could not do one line for the reader.

    Raises:
        SourceError: MLflow cannot be used.
    """
    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise SourceError(f"MLflow at {home.tracking_uri}: {str(error).splitlines()[0]}; {then}") from error


def open_registry(home: Home) -> Registry:
    """Return a registry that is there; looking for one makes none.

    Raises:
        ConfigurationError: no model was registered yet.
    """
    file = home.tracking_uri.removeprefix("sqlite:///")
    missing = file != home.tracking_uri and not Path(file).is_file()
    if missing or not (registry := Registry(home)).exists:
        raise ConfigurationError(
            f"MLflow at {home.tracking_uri}: no {MODEL_NAME} yet; `desta run` registers a model that passed its gate"
        )
    return registry


def version_named(text: str) -> str:
    """Return the number in `desta-adapter@3` or `3`.

    Raises:
        ConfigurationError: it is neither.
    """
    if match := _VERSION.fullmatch(text):
        return str(int(match[1]))
    raise ConfigurationError(f"version {text!r}: want a number, or {MODEL_NAME}@NUMBER")


def checked_reason(reason: str) -> str:
    """Return a reason that history can keep as a line.

    Raises:
        ConfigurationError: it is empty, too long, or has line breaks or other control characters.
    """
    line = reason.strip()
    if not line:
        raise ConfigurationError("--reason: is empty; say in a line why the champion changes")
    if len(line) > REASON_LENGTH:
        raise ConfigurationError(f"--reason: has {len(line)} characters, want {REASON_LENGTH} at the most")
    if not line.isprintable():
        raise ConfigurationError("--reason: has a line break or a control character; write one line of text")
    return line


def _change(name: str, value: str) -> Change:
    try:
        return Change.model_validate_json(value, strict=False)
    except ValidationError as error:
        raise ContractError(
            f"{MODEL_NAME}: its tag {name} in MLflow is no change of the champion: {value[:60]!r}; restore or remove it"
        ) from error


def earlier_champion(history: tuple[Change, ...], present: str | None) -> str | None:
    """Return who was champion before `present`: a rollback takes the step back that a promotion went forward."""
    held: list[str] = []
    found = [change.previous for change in history[1:]]
    for change, next_found in zip(history, [*found, present], strict=False):
        if change.version != next_found:
            continue  # killed before the alias moved
        if change.rollback:
            held = held[:-1]
        elif change.previous and held[-1:] != [change.previous]:
            held = [*held, change.previous, change.version]  # moved by other means than ours
        else:
            held.append(change.version)
    return held[-2] if held[-1:] == [present] and len(held) > 1 else None
