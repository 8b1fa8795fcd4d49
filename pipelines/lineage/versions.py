"""The registered versions of models, as MLflow has them; MLflow is imported only where there is something to ask it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.core.contracts.records import Record
from components.core.home import Home
from pipelines.lineage.nodes import Kind, Ref, Step

_MODEL, _ACCEPTED = "desta.digest", "desta.input.accepted"


class Version(Record):
    """A version in the registry, the model that it holds and the accepted samples that this learned from."""

    name: str
    model: str
    accepted: str | None
    champion: bool
    tags: dict[str, str]

    def step(self) -> Step:
        """Tell of it."""
        facts = {"champion": self.champion, **self.tags}
        return Step(kind=Kind.VERSION, id=self.name, facts=facts, made_from=(Ref(kind=Kind.MODEL, id=self.model),))


def registered(home: Home) -> tuple[Version, ...]:
    """Return all registered versions; where nothing was ever registered, nothing is made.

    Raises:
        SourceError: MLflow cannot be used.
    """
    file = home.tracking_uri.removeprefix("sqlite:///")
    if file != home.tracking_uri and not Path(file).is_file():
        return ()
    from components.core.registry import Registry, explaining

    with explaining(home):
        champion = Registry(home).champion
        return tuple(_version(each, champion) for each in _all(home) if _MODEL in each.tags)


def _all(home: Home) -> Iterator[Any]:
    from mlflow.tracking import MlflowClient

    from components.core.registry import MODEL_NAME

    client, token = MlflowClient(home.tracking_uri, home.tracking_uri), None
    while True:
        page = client.search_model_versions(f"name = '{MODEL_NAME}'", page_token=token)
        yield from page
        if not (token := page.token):
            return


def _version(found: Any, champion: str | None) -> Version:
    return Version(
        name=f"{found.name}@{found.version}",
        model=found.tags[_MODEL],
        accepted=found.tags.get(_ACCEPTED),
        champion=str(found.version) == champion,
        tags={name: value for name, value in sorted(found.tags.items()) if name.startswith("desta.")},
    )
