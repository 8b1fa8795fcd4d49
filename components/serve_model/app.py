"""The server's pages: OpenAI's chat completions and models, health, and metrics."""

import asyncio
import hmac
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import TypeVar, cast

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from components.core.contracts.errors import DestaError
from components.core.inference.answers import Generation, Piece
from components.serve_model import replies
from components.serve_model.batcher import Batcher, Ticket
from components.serve_model.metrics import Metrics
from components.serve_model.questions import Question, read_question
from components.serve_model.refusals import Refused, wrong
from components.serve_model.replies import Reply
from components.serve_model.settings import ServeModelSettings

T = TypeVar("T")

_CLIENT_GONE = 499  # nobody reads it; the metrics count it


@dataclass(frozen=True)
class Desk:
    """What the pages work with; `key` is what a request has to carry, if anything."""

    name: str
    batcher: Batcher
    settings: ServeModelSettings
    metrics: Metrics
    key: str | None


def make_app(desk: Desk) -> FastAPI:
    """Build the application."""
    app = FastAPI(title="desta", docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        return await _complete(desk, request)

    @app.get("/v1/models")
    async def models(request: Request) -> JSONResponse:
        _check_key(desk, request)
        return JSONResponse({"object": "list", "data": [replies.model_card(desk.name)]})

    @app.get("/v1/models/{name}")
    async def model(request: Request, name: str) -> JSONResponse:
        _check_key(desk, request)
        if name != desk.name:
            raise Refused(404, f"model {name!r} is not served here; this is {desk.name!r}", "model_not_found")
        return JSONResponse(replies.model_card(name))

    @app.get("/health")
    async def health() -> JSONResponse:
        status, code = ("ok", 200) if desk.batcher.alive else ("failed", 503)
        return JSONResponse({"status": status}, code)

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        _check_key(desk, request)
        return Response(desk.metrics.page(), media_type=CONTENT_TYPE_LATEST)

    _add_refusals(app, desk.metrics)
    return app


def _add_refusals(app: FastAPI, metrics: Metrics) -> None:
    @app.exception_handler(Refused)
    async def refuse(_: Request, refused: Refused) -> JSONResponse:
        metrics.requests.labels(refused.status).inc()
        return JSONResponse(refused.body(), refused.status, refused.headers)

    @app.exception_handler(DestaError)
    async def refuse_input(request: Request, error: DestaError) -> JSONResponse:
        return await refuse(request, wrong(None, str(error)))

    @app.exception_handler(HTTPException)
    async def refuse_path(request: Request, error: HTTPException) -> JSONResponse:
        line = f"{request.method} {request.url.path}: {error.detail}"
        return await refuse(request, Refused(error.status_code, line, "not_found", headers=error.headers))


async def _complete(desk: Desk, request: Request) -> Response:
    started_s = time.monotonic()
    _check_key(desk, request)
    question = read_question(await _body(request, desk.settings.max_body_mb), desk.name, desk.settings)
    pieces = _pieces(desk.batcher.submit(question))
    try:
        first = await _while_waited_for(request, anext(pieces))  # now it is known whether the recordings can be heard
        desk.metrics.first.observe(time.monotonic() - started_s)
        if question.stream:
            streamed = _streamed(desk, question, first, pieces, started_s)
            return StreamingResponse(streamed, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
        last = await _while_waited_for(request, _last(first, pieces))
    except _ClientGone:
        desk.metrics.requests.labels(_CLIENT_GONE).inc()
        return Response(status_code=_CLIENT_GONE)
    return JSONResponse(Reply(desk.name).whole(_counted(desk, last, started_s)))


async def _streamed(
    desk: Desk, question: Question, first: Piece, pieces: AsyncGenerator[Piece], started_s: float
) -> AsyncIterator[str]:
    reply, piece = Reply(desk.name), first
    yield reply.beginning()
    try:
        while piece.whole is None:
            if piece.text:
                yield reply.piece(piece.text)
            piece = await anext(pieces)
    except Refused as refused:
        desk.metrics.requests.labels(refused.status).inc()
        yield replies.failed(refused.body())
        return
    finally:
        await pieces.aclose()
    if piece.text:
        yield reply.piece(piece.text)
    said = _counted(desk, piece, started_s)
    yield reply.end(said)
    if question.usage:
        yield reply.usage(said)
    yield replies.END_OF_STREAM


async def _pieces(ticket: Ticket) -> AsyncGenerator[Piece]:
    """Yield an answer as it comes; a reader that leaves takes the question back."""
    try:
        while True:
            event = await ticket.events.get()
            if not isinstance(event, Piece):
                raise event
            yield event
            if event.whole:
                return
    finally:
        ticket.gone = True


async def _last(piece: Piece, pieces: AsyncIterator[Piece]) -> Piece:
    async for following in pieces:
        piece = following
    return piece


class _ClientGone(Exception):
    """Nobody waits for the answer any more."""


async def _while_waited_for(request: Request, work: Awaitable[T]) -> T:
    """Return what comes of work, unless the client leaves first.

    Raises:
        _ClientGone: it left, and the work is cancelled.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise _ClientGone
        return await working
    finally:
        leaving.cancel()
        working.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _body(request: Request, max_mb: float) -> bytes:
    """Read the body of a request, and no more of one that is too large."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > max_mb * 1e6:
            raise Refused(413, f"the request is larger than {max_mb:g} MB", "request_too_large")
    return bytes(body)


def _counted(desk: Desk, piece: Piece, started_s: float) -> Generation:
    said = cast(Generation, piece.whole)
    desk.metrics.answered(said)
    desk.metrics.requests.labels(200).inc()
    desk.metrics.seconds.observe(time.monotonic() - started_s)
    return said


def _check_key(desk: Desk, request: Request) -> None:
    carried = request.headers.get("Authorization", "")
    if desk.key and not hmac.compare_digest(carried.encode(), f"Bearer {desk.key}".encode()):
        raise Refused(401, "the key of this server is missing or wrong", "invalid_api_key")
