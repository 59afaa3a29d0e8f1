"""Logs: the seed's queries by date maths, the old clients' GET, and our stream of live lines."""

from __future__ import annotations

import heapq
import platform as machine
from collections.abc import Callable, Mapping

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, StreamingResponse

from jitsu_py import wire
from jitsu_py.server import redaction
from jitsu_py.server.logbook import Line, Wanted
from jitsu_py.server.platform import Platform
from jitsu_py.server.redaction import Hide
from jitsu_py.server.routes.queries import Asked, filters, flag, number, places, posted
from jitsu_py.server.routes.requests import Body, Owner, ThePlatform
from jitsu_py.server.routes.tailing import Tail, Watched, of_app, of_user
from jitsu_py.server.routes.views import entry_view, line_view
from jitsu_py.server.store import apps, snapshots
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
    asked, found = request.query_params, platform.app(user, app)
    after = {found.name: number("after", asked["after"], 0, 2**62)} if "after" in asked else None
    return _stream(platform, of_app(platform, found), asked, after, is_one=True)


@router.get("/logs/{user}")
def tail_user(user: str, request: Request, platform: ThePlatform, _owner: Owner) -> StreamingResponse:
    """The newest lines of all apps, then those to come: as the stream of one app.

    `?after=` is a JSON object, the id of a line by the name of its app; a ping has in `after` how far the
    stream is in each log. An app that is missing there is given whole.
    """
    asked = request.query_params
    after = places(asked["after"]) if "after" in asked else None
    return _stream(platform, of_user(platform, user), asked, after, is_one=False)


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


def _stream(
    platform: Platform,
    listed: Callable[[], list[App]],
    asked: Mapping[str, str],
    after: dict[str, int] | None,
    *,
    is_one: bool,
) -> StreamingResponse:
    rows = number("rows", asked.get("rows", HISTORY), 0)
    redact = flag("redact", asked.get("redact", ""))
    watched = Watched(filters(asked), rows, after, redact, is_one)
    lines = Tail(platform, listed, watched).run()
    return StreamingResponse(lines, media_type=wire.NDJSON, headers={"cache-control": "no-store"})


def _lines(user: str, app: str, rows: int, request: Request, platform: ThePlatform) -> JSONResponse:
    asked, found, host = request.query_params, platform.app(user, app), machine.node()
    wanted, hide = filters(asked), _hiding(platform, found, flag("redact", asked.get("redact", "")))
    if flag("newest", asked.get("newest", "")) and wanted == Wanted():
        newest = _of_newest(platform, found, rows)
    else:
        newest = platform.logbook.newest(found.key, rows, wanted)
    return JSONResponse([line_view(line, found, host, hide) for line in reversed(newest)])


def _of_newest(platform: Platform, app: App, rows: int) -> list[Line]:
    """The newest lines of the snapshot put live last, and the platform's of no snapshot since then."""
    with platform.store.read() as connection:
        last = snapshots.last_tried(connection, app.id)
    if last is None:
        return platform.logbook.newest(app.key, rows)
    ref, since = last
    lines = platform.logbook.newest(app.key, rows, Wanted(snapshot=ref))
    said = platform.logbook.newest(app.key, rows, Wanted(since=since, stream="system"))
    lines += [line for line in said if line.snapshot is None]
    return sorted(lines, key=lambda line: line.id)[-rows:] if rows else []


def _hiding(platform: Platform, app: App, redact: bool) -> Hide:
    return redaction.hiding(platform.store, app) if redact else redaction.unchanged


def _answer(platform: ThePlatform, listed: list[App], asked: Asked, query: str) -> JSONResponse:
    book, wanted = platform.logbook, asked.wanted
    per_app = [
        [(line.time, line.id, app, line) for line in reversed(book.newest(app.key, asked.rows, wanted))]
        for app in listed
    ]
    merged = heapq.merge(*per_app, key=lambda entry: entry[:2], reverse=True)
    hide = {app.id: _hiding(platform, app, asked.redact) for app in listed}
    newest = [
        entry_view(line, app, hide[app.id])
        for (_, _, app, line), _ in zip(merged, range(asked.rows), strict=False)
    ]
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
