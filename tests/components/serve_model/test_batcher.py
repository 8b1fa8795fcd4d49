"""The thread that owns the model, without a server before it."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from components.core.drawing import decoding_of
from components.core.inference.answers import Piece
from components.core.inference.desta_model import DestaModel, Prompt
from components.core.models.store import StoredModel
from components.serve_model.batcher import Batcher, Ticket
from components.serve_model.metrics import Metrics
from components.serve_model.questions import Question
from components.serve_model.refusals import Refused
from components.serve_model.settings import ServeModelSettings
from tests.core.inference.making import untrained_model

SETTINGS = ServeModelSettings(batch=3, wait_ms=2000)


@pytest.fixture(scope="module")
def model(encoder: StoredModel, llm: StoredModel, tmp_path_factory: pytest.TempPathFactory) -> DestaModel:
    folder = untrained_model(tmp_path_factory.mktemp("batcher") / "model", encoder, llm)
    return DestaModel.from_pretrained(folder, models=llm.folder.parent)


def question(content: str) -> Question:
    return Question([{"role": "user", "content": content}], decoding_of(3, 0.0, 1.0, 0), stream=False, usage=False)


async def end_of(ticket: Ticket) -> Any:
    while isinstance(event := await ticket.events.get(), Piece) and not event.whole:
        pass
    return event


def answers(batcher: Batcher, contents: Sequence[str]) -> list[Any]:
    async def asked() -> list[Any]:
        tickets = [batcher.submit(question(content)) for content in contents]
        return await asyncio.wait_for(asyncio.gather(*map(end_of, tickets)), timeout=120)

    return asyncio.run(asked())


def test_a_request_that_breaks_the_preparation_fails_alone(model: DestaModel, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare = model.prepare

    def breaking(messages: Any, *limits: Any) -> Prompt:
        if messages[0]["content"] == "break":
            raise MemoryError("no room for it")
        return prepare(messages, *limits)

    monkeypatch.setattr(model, "prepare", breaking)
    metrics = Metrics()
    first, broken, last = answers(Batcher(model, SETTINGS, metrics), ["Hi", "break", "Name a colour."])
    assert first.whole.text
    assert last.whole.text
    assert isinstance(broken, Refused)
    assert broken.status == 500
    assert b"desta_batch_rows_sum 2.0" in metrics.page()
