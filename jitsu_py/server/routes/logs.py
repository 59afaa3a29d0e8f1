"""Logs: the seed's queries by date maths, the old clients' GET, and our stream of live lines."""

from __future__ import annotations

import heapq
import platform as machine

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, StreamingResponse

from jitsu_py import wire
from jitsu_py.server.routes.queries import Asked, filters, number, posted
from jitsu_py.server.routes.requests import Body, Owner, ThePlatform
from jitsu_py.server.routes.tailing import tail
from jitsu_py.server.routes.views import entry_view, line_view
from jitsu_py.server.store import apps
from jitsu_py.server.store.apps import App

router = APIRouter(tags=["logs"])

ROWS = 100
"""Lines given when nobody says how many."""

HISTORY = 10
"""Lines that a stream begins with when nobody says how many."""


@router.get("/logs/{user}/{app}/tail")
def tail_lines(
    user: str, app: str, request: Request, platform: ThePlatform, _owner: Owner
) -> StreamingResponse:
    """The newest lines, then those to come, one JSON object a line, with pings in between.

    `?after=` resumes behind the line of that id; a line has `event` "line", a ping "ping".
    """
    asked = request.query_params
    wanted = filters(asked)
    after = number("after", asked["after"], 0, 2**62) if "after" in asked else None
    rows = number("rows", asked.get("rows", HISTORY), 0)
    found = platform.app(user, app)
    lines = tail(platform, found, wanted, rows=rows, after=after)
    return StreamingResponse(lines, media_type=wire.NDJSON, headers={"cache-control": "no-store"})


@router.get("/logs/{user}/{app}")
def newest_lines(user: str, app: str, request: Request, platform: ThePlatform, _owner: Owner) -> JSONResponse:
    """The newest lines of an app, newest first."""
    return _lines(user, app, number("rows", request.query_params.get("rows", ROWS), 0), request, platform)


@router.get("/logs/{user}/{app}/{rows}")
def lines(
    user: str, app: str, rows: str, request: Request, platform: ThePlatform, _owner: Owner
) -> JSONResponse:
    """That many lines of an app, newest first."""
    return _lines(user, app, number("rows", rows, 1), request, platform)


@router.post("/logs/{user}")
def query_user(user: str, platform: ThePlatform, _owner: Owner, body: Body) -> JSONResponse:
    """Lines of all the user's apps, newest first."""
    asked = posted(body)
    with platform.store.read() as connection:
        listed = apps.listed(connection, user.lower())
    return _answer(platform, listed, asked, f"user:{user.lower()}")


@router.post("/logs/{user}/{app}")
def query_app(user: str, app: str, platform: ThePlatform, _owner: Owner, body: Body) -> JSONResponse:
    """Lines of one app, newest first."""
    asked = posted(body)
    found = platform.app(user, app)
    return _answer(platform, [found], asked, f"app:{found.key}")


def _lines(user: str, app: str, rows: int, request: Request, platform: ThePlatform) -> JSONResponse:
    wanted = filters(request.query_params)
    found, host = platform.app(user, app), machine.node()
    newest = platform.logbook.newest(found.key, rows, wanted)
    return JSONResponse([line_view(line, found, host) for line in reversed(newest)])


def _answer(platform: ThePlatform, listed: list[App], asked: Asked, query: str) -> JSONResponse:
    book, wanted = platform.logbook, asked.wanted
    per_app = [
        [(line.time, line.id, app, line) for line in reversed(book.newest(app.key, asked.rows, wanted))]
        for app in listed
    ]
    merged = heapq.merge(*per_app, key=lambda entry: entry[:2], reverse=True)
    newest = [entry_view(line, app) for (_, _, app, line), _ in zip(merged, range(asked.rows), strict=False)]
    seen = sum(book.count(app.key, wanted) for app in listed)
    context = {
        "rows": asked.rows,
        "from": asked.since,
        "until": asked.until,
        "start": 0,
        "query": query,
        "order": "desc",
    }
    return JSONResponse({"data": newest, "numFound": seen, "context": context})
