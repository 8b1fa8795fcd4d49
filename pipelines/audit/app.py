"""The audit's pages over HTTP: read-only, every view also as JSON and CSV, nothing fetched from elsewhere."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from components.core.contracts.errors import ConfigurationError, DestaError
from components.core.home import Home
from pipelines.audit.graph import HEIGHT, WIDTH, drawn
from pipelines.audit.view import View, as_csv

LONGEST = 512
"""Characters of anything that is asked: no id, name or line to search for is longer."""
_HERE = Path(__file__).parent
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "media-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Ask = Callable[[Mapping[str, str]], View]
"""Answers a page's question, which came with its address."""


class Desk(Protocol):
    """What the pages are made of."""

    @property
    def pages(self) -> Mapping[str, Ask]:
        """By the first part of their address; the rest of it is asked as `id`."""
        ...

    def audio(self, clip_id: str) -> bytes:
        """Return the FLAC file of a clip."""
        ...


@dataclass(frozen=True)
class _Pages:
    """Renders views by templates."""

    environment: Environment
    home: Home

    def html(self, template: str, status: int = 200, **values: Any) -> Response:
        page = self.environment.get_template(template)
        text = page.render(query="", LONGEST=LONGEST, home=str(self.home.root), **values)
        return Response(text, status, media_type="text/html; charset=utf-8")

    def shown(self, view: View, asked: Mapping[str, str], path: str) -> Response:
        form = asked.get("as", "html")
        if form == "json":
            return JSONResponse(view.model_dump(mode="json"))
        if form == "csv":
            return PlainTextResponse(as_csv(view), media_type="text/csv; charset=utf-8")
        if form != "html":
            raise ConfigurationError(f"as {form!r}: want html, json or csv")
        drawing = drawn(view.graph) if view.graph and view.graph.nodes else None
        others = {name: value for name, value in asked.items() if name not in {"as", "id"}}
        return self.html(
            "view.html.j2",
            title=view.title,
            view=view,
            drawing=drawing,
            exported=lambda form: f"{path}?{urlencode({**others, 'as': form})}",
            WIDTH=WIDTH,
            HEIGHT=HEIGHT,
        )


def make_app(desk: Desk, home: Home, hosts: list[str]) -> FastAPI:
    """Build the application; it answers to the names in `hosts` alone, lest another site asks through a browser."""
    app = FastAPI(title="desta audit", docs_url=None, redoc_url=None, openapi_url=None)
    folder = FileSystemLoader(_HERE / "templates")
    environment = Environment(
        loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    pages = _Pages(environment, home)
    app.mount("/static", StaticFiles(directory=_HERE / "static"))
    _add_audio(app, desk)
    _add_views(app, desk, pages)
    _add_refusals(app, pages)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)
    return app


def _add_audio(app: FastAPI, desk: Desk) -> None:
    @app.get("/audio/{clip_id}.flac")
    def audio(clip_id: str) -> Response:
        return Response(desk.audio(_short(clip_id)), media_type="audio/flac")


def _add_views(app: FastAPI, desk: Desk, pages: _Pages) -> None:
    @app.get("/")
    @app.get("/{page}")
    @app.get("/{page}/{id:path}")
    def view(request: Request, page: str = "", id: str = "") -> Response:  # noqa: A002 (what the address calls it)
        if page not in desk.pages:
            raise HTTPException(404, f"no page {page[:LONGEST]!r}")
        asked = {name: _short(value) for name, value in request.query_params.items()} | (
            {"id": _short(id)} if id else {}
        )
        return pages.shown(desk.pages[page](asked), asked, request.url.path)


def _short(text: str) -> str:
    if len(text) > LONGEST or "\0" in text:
        raise ConfigurationError(f"{text[:40]!r}…: want at most {LONGEST} characters, and no NUL among them")
    return text


def _add_refusals(app: FastAPI, pages: _Pages) -> None:
    @app.middleware("http")
    async def guarded(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await answer(request)
        response.headers.update(_HEADERS)
        return response

    @app.exception_handler(DestaError)
    async def explain(_: Request, error: DestaError) -> Response:
        status = 404 if isinstance(error, ConfigurationError) else 500
        return pages.html("error.html.j2", status, title="Not found" if status == 404 else "Damaged", line=str(error))

    @app.exception_handler(HTTPException)
    async def refuse(_: Request, error: HTTPException) -> Response:
        return pages.html("error.html.j2", error.status_code, title=str(error.status_code), line=str(error.detail))
