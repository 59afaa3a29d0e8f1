"""What client and server agree on: header names, error codes, event kinds, limits. No logic.

Both rooms of the house import this module and nothing else of each other's.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

API_PORT: Final = 9002
"""Port of the JSON API, unless the server's settings name another or it is taken."""

ROUTER_PORT: Final = 8080
"""Port on which the router serves the apps, unless settings name another or it is taken."""

POWERED_BY: Final = "x-powered-by"
"""Response header; the clients of 2013–2015 refuse a reply whose value has no "Nodejitsu" in it."""

REQUEST_ID: Final = "x-request-id"
"""Response header; names the request in the server's log and in error messages."""

NDJSON: Final = "application/x-ndjson"
"""Accept header of a client that wants a build's events as they happen, one JSON object a line."""

SHA256: Final = "x-jitsu-sha256"
"""Request header of an upload: hex SHA-256 of the body; the server refuses a body that differs."""

ORDER_KEY: Final = "idempotency-key"
"""Request header of a start: whoever says it again with the same one, after a lost connection, hears of the
start that it began before."""

ORDER_KEY_LENGTH: Final = 128
"""Most characters of such a key."""

TUNNEL_END: Final = "end"
"""Text message of a database's tunnel: this side sends no more, and goes on receiving."""

TUNNEL_MESSAGE: Final = 1024 * 1024
"""Largest message of a tunnel, bytes."""

SNAPSHOT_ID: Final = r"[A-Za-z0-9.+_-]{1,128}"
"""Pattern of a snapshot id."""

USER_NAME: Final = r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?"
"""Pattern of a user name, after lower-casing."""

JSON_LIMIT: Final = 1024 * 1024
"""Largest JSON request body, bytes."""

SNAPSHOT_LIMIT: Final = 512 * 1024 * 1024
"""Largest snapshot archive, bytes, unless the server's settings name another."""

DRONES: Final = range(1, 64 + 1)
"""How many drones an app may have, before any limit of its user's."""

RAM: Final = range(16, 2**20 + 1)
"""How much memory a drone may be given, MiB, before any limit of its user's."""

NO_SNAPSHOT: Final = "Cannot start application with no snapshots"
"""Message of a start without an active snapshot; the old command line compares it to the letter."""

RUN_FILE: Final = "run/server.json"
"""Below the state folder: what a running server says of itself. Keys: `pid`, `started` (the process's
start time, epoch seconds), `api` and `router` (base URLs), `version`, `user` (the local account)."""

LOCAL_TOKEN_FILE: Final = "local-token"  # noqa: S105 - a file's name
"""Below the state folder, 0600: on loopback it stands for the local account's password."""


class Event(StrEnum):
    """Kinds of the events that a build streams; the last one is `DONE` or `FAILED`.

    Every event is an object with `event` and `time` (ISO 8601, UTC). Beside them:
    `step` has `name` (unpack, engine, install, build) and `message`; `line` has `text` and `stream`;
    `done` has `snapshot` (as in the API) and `seconds`; `failed` has the keys of an error body
    (`error`, `message`, `blame`, `details`); `ping` has nothing and says that the server is still there.
    """

    STEP = "step"
    LINE = "line"
    PING = "ping"
    DONE = "done"
    FAILED = "failed"


class Blame(StrEnum):
    """Whose fault a failure is."""

    USER = "user"
    APPLICATION = "application"
    SYSTEM = "system"


class Condition(StrEnum):
    """How an app that is wanted so fares: `condition` beside `state`, which is what is wanted."""

    STOPPED = "stopped"
    STARTING = "starting"
    """No drone of it is ready yet."""
    STARTED = "started"
    CRASHING = "crashing"
    """It ends by itself again and again, or does not come up any more; it is tried again, ever later."""
    UNHEALTHY = "unhealthy"
    """It runs and fails its health check; it is to be replaced."""


class Code(StrEnum):
    """Values of `error` in an error body. They are an interface: none changes its meaning."""

    BAD_REQUEST = "bad_request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NAME_TAKEN = "name_taken"
    SUBDOMAIN_TAKEN = "subdomain_taken"
    DOMAIN_TAKEN = "domain_taken"
    SNAPSHOT_EXISTS = "snapshot_exists"
    SNAPSHOT_ACTIVE = "snapshot_active"
    SNAPSHOT_NOT_READY = "snapshot_not_ready"
    NO_SNAPSHOTS = "no_snapshots"
    TOO_LARGE = "too_large"
    INCOMPLETE = "incomplete"
    """The body ended early, or is not what its hash says."""
    STALLED = "stalled"
    """The body stood still for too long; nothing of it was kept."""
    BAD_ARCHIVE = "bad_archive"
    """No gzip tar, or one with paths, links, devices or sizes that are refused."""
    BAD_MANIFEST = "bad_manifest"
    """The archive has no package.json, or one that cannot be used."""
    NO_START_SCRIPT = "no_start_script"
    ENGINE_NOT_FOUND = "engine_not_found"
    INSTALL_FAILED = "install_failed"
    BUILD_FAILED = "build_failed"
    BUILD_INTERRUPTED = "build_interrupted"
    BUILD_TIMED_OUT = "build_timed_out"
    CRASHED = "crashed"
    """The app ended before it listened. `details.output`: its last lines, oldest first."""
    NEVER_LISTENED = "never_listened"
    """The boot time passed and the app listened on no port. `details.output` as above."""
    UNHEALTHY = "unhealthy"
    """The app listened and failed its health check until the boot time passed. `details.output` as above."""
    RELEASE_FAILED = "release_failed"
    """The release command did not end well. `details.output` as above."""
    DISK_FULL = "disk_full"
    LIMIT_REACHED = "limit_reached"
    UNAVAILABLE = "unavailable"
    """The server is starting, stopping, or a part of it is down."""
    INTERNAL = "internal_error"
