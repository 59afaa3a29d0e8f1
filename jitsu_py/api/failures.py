"""Turn a server's error body into the one class of error that fits, with what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from jitsu_py.errors import (
    BuildFailedError,
    ConflictError,
    JitsuError,
    NotFoundError,
    NotLoggedInError,
    ProjectError,
    ServerRefusedError,
    StartFailedError,
    TimedOutError,
    UsageError,
)
from jitsu_py.wire import Code

CONNECTION_LOST = "connection_lost"
"""Code of the `UnreachableError` of a connection that broke after the request was on its way."""

LONGEST_MESSAGE = 2000
"""Characters of a server's message that are shown."""

OUTPUT_LINES = 20
"""Last lines of a build or an app that an error carries."""

BY_CODE: dict[str, type[JitsuError]] = {
    Code.BAD_REQUEST: UsageError,
    Code.UNAUTHORIZED: NotLoggedInError,
    Code.FORBIDDEN: NotLoggedInError,
    Code.NOT_FOUND: NotFoundError,
    Code.METHOD_NOT_ALLOWED: ServerRefusedError,
    Code.NAME_TAKEN: ConflictError,
    Code.SUBDOMAIN_TAKEN: ConflictError,
    Code.DOMAIN_TAKEN: ConflictError,
    Code.SNAPSHOT_EXISTS: ConflictError,
    Code.SNAPSHOT_ACTIVE: ConflictError,
    Code.SNAPSHOT_NOT_READY: ConflictError,
    Code.NO_SNAPSHOTS: ConflictError,
    Code.TOO_LARGE: ServerRefusedError,
    Code.INCOMPLETE: ServerRefusedError,
    Code.STALLED: TimedOutError,
    Code.BAD_ARCHIVE: ProjectError,
    Code.BAD_MANIFEST: ProjectError,
    Code.NO_START_SCRIPT: ProjectError,
    Code.ENGINE_NOT_FOUND: BuildFailedError,
    Code.INSTALL_FAILED: BuildFailedError,
    Code.BUILD_FAILED: BuildFailedError,
    Code.BUILD_INTERRUPTED: BuildFailedError,
    Code.BUILD_TIMED_OUT: BuildFailedError,
    Code.CRASHED: StartFailedError,
    Code.NEVER_LISTENED: StartFailedError,
    Code.UNHEALTHY: StartFailedError,
    Code.RELEASE_FAILED: StartFailedError,
    Code.DISK_FULL: ServerRefusedError,
    Code.LIMIT_REACHED: ServerRefusedError,
    Code.UNAVAILABLE: ServerRefusedError,
    Code.INTERNAL: ServerRefusedError,
}

BY_STATUS: dict[int, type[JitsuError]] = {
    401: NotLoggedInError,
    402: ServerRefusedError,
    403: NotLoggedInError,
    404: NotFoundError,
    405: ServerRefusedError,
    408: TimedOutError,
    409: ConflictError,
    413: ServerRefusedError,
    429: ServerRefusedError,
    504: TimedOutError,
}
"""For replies without a code we know. Others: below 500 the request's fault, above the server's."""

HINTS: dict[str, str] = {
    Code.UNAUTHORIZED: "log in with `jitsu login`, or set JITSU_USERNAME and JITSU_TOKEN",
    Code.FORBIDDEN: "`jitsu whoami` tells who you are; `jitsu login` logs in as somebody else",
    Code.NOT_FOUND: "`jitsu list` shows your apps",
    Code.NAME_TAKEN: "choose another `name` in package.json",
    Code.SUBDOMAIN_TAKEN: "choose another `subdomain` in package.json",
    Code.DOMAIN_TAKEN: "take it out of `domains` in package.json, or free it where it is used",
    Code.SNAPSHOT_EXISTS: "leave --snapshot out and the next free id is used",
    Code.SNAPSHOT_ACTIVE: "activate another one first: `jitsu snapshots activate`",
    Code.SNAPSHOT_NOT_READY: "`jitsu snapshots list` shows the state of each",
    Code.NO_SNAPSHOTS: "`jitsu deploy` makes one",
    Code.TOO_LARGE: "`jitsu package list` shows what is packed; a .npmignore or `files` leaves things out",
    Code.INCOMPLETE: "try again: it did not arrive as it was sent",
    Code.STALLED: "try again: the connection to the server stood still",
    Code.NO_START_SCRIPT: 'name it in package.json: "scripts": {"start": "node server.js"}',
    Code.ENGINE_NOT_FOUND: "change `engines` in package.json to a version that exists",
    Code.BUILD_INTERRUPTED: "`jitsu deploy` again",
    Code.DISK_FULL: "free space on the server, or destroy old snapshots: `jitsu snapshots destroy`",
    Code.UNAVAILABLE: "try again in a moment",
    Code.INTERNAL: "it is a fault of the server's: its log says more under the request's id",
}

HINTS_BY_STATUS: dict[int, str] = {
    401: HINTS[Code.UNAUTHORIZED],
    403: HINTS[Code.FORBIDDEN],
    429: "try again in a moment",
    503: HINTS[Code.UNAVAILABLE],
}


def failure(
    body: Any, *, status: int = 400, request_id: str = "", kind: type[JitsuError] | None = None
) -> JitsuError:
    """Make the error that a server's error body (or `failed` event) means.

    Args:
        body: the parsed body; anything that is no object counts as an error without words.
        status: HTTP status, which decides where the code says nothing.
        request_id: of the request that failed.
        kind: the class to fall back to, instead of what the status says.
    """
    said: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    code = said.get("error") if isinstance(said.get("error"), str) else ""
    details = said.get("details")
    facts = dict(details) if isinstance(details, Mapping) else {}
    if isinstance(said.get("blame"), str):
        facts.setdefault("blame", said["blame"])
    output, hint = facts.pop("output", None), facts.pop("hint", None)
    return (BY_CODE.get(str(code)) or kind or _by_status(status))(
        _message(said, status),
        hint=(hint if isinstance(hint, str) else "")
        or HINTS.get(str(code))
        or HINTS_BY_STATUS.get(status, ""),
        code=str(code or ""),
        request_id=request_id,
        output=_lines(output),
        details=facts,
    )


def _by_status(status: int) -> type[JitsuError]:
    return BY_STATUS.get(status) or (UsageError if status < 500 else ServerRefusedError)


def _message(said: Mapping[str, Any], status: int) -> str:
    message = said.get("message")
    if isinstance(message, str) and message.strip():
        return message.strip()[:LONGEST_MESSAGE]
    return f"the server answered {phrase(status)} without saying why"


def phrase(status: int) -> str:
    """Name a status as people know it: `404 Not Found`."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _lines(output: Any) -> tuple[str, ...]:
    if isinstance(output, str):
        output = output.splitlines()
    return tuple(str(line) for line in output[-OUTPUT_LINES:]) if isinstance(output, list) else ()
