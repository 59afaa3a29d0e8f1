"""A stand for the platform: keeps apps and snapshots in memory, and fails where a test wants it to."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.unit.loopback import POWERED, Reply, Request, Server, answer, events, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUILD = ["added 3 packages", "up to date", "built"]


@dataclass
class Stand:
    """What the server would know."""

    apps: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By name."""
    snapshots: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By the app's name, oldest first."""
    archives: dict[str, bytes] = field(default_factory=dict)
    """By `app/snapshot`."""
    taken: set[str] = field(default_factory=set)
    """Subdomains of others."""
    instead: list[tuple[str, Callable[[Request], Reply | None]]] = field(default_factory=list)
    """`METHOD path-pattern` and what to do, once each, instead of the usual."""
    log: str = "\n".join(["Installing dependencies", *BUILD]) + "\n"
    """Of every build: its steps and lines."""

    def once(self, pattern: str, respond: Callable[[Request], Reply | None]) -> None:
        """Answer the next request of that pattern so."""
        self.instead.append((pattern, respond))

    def respond(self, request: Request) -> Reply | None:
        """Answer a request."""
        line = f"{request.method} {request.path}"
        for number, (pattern, respond) in enumerate(self.instead):
            if re.fullmatch(pattern, line):
                del self.instead[number]
                return respond(request)
        for pattern, usual in ROUTES:
            if found := re.fullmatch(pattern, line):
                return usual(self, request, *found.groups())
        return answer({"error": "not_found", "message": f"There is no {line}."}, 404)

    def shown(self, name: str) -> dict[str, Any]:
        """An app as the API shows it."""
        app = self.apps[name]
        listed = self.snapshots.setdefault(name, [])
        shown = {**app, "snapshots": listed, "urls": [f"http://{app['subdomain']}.localhost:8080"]}
        shown.update({key: each for each in listed for key in ("active", "running") if each[key]})
        return {"app": shown}

    def admit(self, request: Request, name: str, ref: str, state: str = "ready") -> dict[str, Any]:
        """Take an upload."""
        self.archives[f"{name}/{ref}"] = request.body
        made = {"id": ref, "state": state, "active": False, "running": False, "size": len(request.body)}
        made["sha256"] = hashlib.sha256(request.body).hexdigest()
        self.snapshots.setdefault(name, []).append(made)
        return made

    def manifest(self, name: str, ref: str) -> dict[str, Any]:
        """The package.json inside an uploaded archive."""
        with tarfile.open(fileobj=io.BytesIO(self.archives[f"{name}/{ref}"])) as tar:
            member = tar.extractfile("package/package.json")
            assert member is not None
            found: dict[str, Any] = json.load(member)
            return found

    def running(self, name: str) -> str:
        """Id of the snapshot that runs."""
        return next((each["id"] for each in self.snapshots.get(name, []) if each["running"]), "")

    def active(self, name: str) -> str:
        """Id of the active snapshot."""
        return next((each["id"] for each in self.snapshots.get(name, []) if each["active"]), "")


def _create(stand: Stand, request: Request) -> Reply:
    body = request.json()
    config = {"cloud": [{"provider": "local", "datacenter": "local", "drones": 1, "ram": None}]}
    stand.apps[body["name"]] = {"env": {}, **body, "user": "ada", "state": "stopped", "config": config}
    return answer(stand.shown(body["name"]), 201)


def _get(stand: Stand, _request: Request, name: str) -> Reply:
    if name not in stand.apps:
        return answer({"error": "not_found", "message": f"There is no app {name}."}, 404)
    return answer(stand.shown(name))


def _update(stand: Stand, request: Request, name: str) -> Reply:
    stand.apps[name].update(request.json())
    return answer(stand.shown(name))


def _change_env(stand: Stand, request: Request, name: str) -> Reply:
    env = {**stand.apps[name].get("env", {}), **request.json()}
    stand.apps[name]["env"] = {key: value for key, value in env.items() if value is not None}
    return answer(stand.shown(name))


def _available(stand: Stand, request: Request, name: str) -> Reply:
    is_free = request.json()["subdomain"] not in stand.taken
    return answer({"available": is_free, "appname": name not in stand.apps, "subdomain": is_free})


def _cloud(stand: Stand, request: Request, name: str) -> Reply:
    stand.apps[name]["config"] = {"cloud": request.json()}
    return answer(request.json())


def _snapshots(stand: Stand, _request: Request, name: str) -> Reply:
    return answer({"snapshots": stand.snapshots.get(name, [])})


def _upload(stand: Stand, request: Request, name: str, ref: str) -> Reply:
    if any(each["id"] == ref for each in stand.snapshots.get(name, [])):
        return answer({"error": "snapshot_exists", "message": f"{name} has a snapshot {ref}."}, 409)
    made = stand.admit(request, name, ref)
    lines = [{"event": "line", "text": text, "stream": "stdout"} for text in BUILD]
    step = {"event": "step", "name": "install", "message": "Installing dependencies"}
    return events(step, {"event": "ping"}, *lines, {"event": "done", "snapshot": made, "seconds": 0.1})


def _log(stand: Stand, _request: Request, _name: str, _ref: str) -> Reply:
    return Reply(200, stand.log.encode(), {**POWERED, "content-type": "text/plain"})


def _mark(stand: Stand, name: str, ref: str, key: str) -> None:
    for each in stand.snapshots[name]:
        each[key] = each["id"] == ref


def _activate(stand: Stand, _request: Request, name: str, ref: str) -> Reply:
    _mark(stand, name, ref, "active")
    return answer(stand.shown(name))


def _start(stand: Stand, _request: Request, name: str) -> Reply:
    _mark(stand, name, stand.active(name), "running")
    stand.apps[name]["state"] = "started"
    return answer(stand.shown(name))


def _lines(stand: Stand, _request: Request, name: str) -> Reply:
    meta = {"app": {"user": "ada", "name": name}, "snapshot": stand.snapshots[name][-1]["id"]}
    return answer([{"time": 1, "service": "logs/stderr", "description": "Error: boom", "meta": meta}])


APP = r"/apps/ada/([^/]+)"
ROUTES: list[tuple[str, Callable[..., Reply | None]]] = [
    ("POST /apps/ada", _create),
    (f"GET {APP}", _get),
    (f"PUT {APP}", _update),
    (f"PATCH {APP}/env", _change_env),
    (f"POST {APP}/available", _available),
    (f"POST {APP}/cloud", _cloud),
    (f"GET {APP}/snapshots", _snapshots),
    (f"POST {APP}/snapshots/([^/?]+)(?:\\?cache=no)?", _upload),
    (f"GET {APP}/snapshots/([^/]+)/log", _log),
    (f"POST {APP}/snapshots/([^/]+)/activate", _activate),
    (f"POST {APP}/start", _start),
    (r"GET /logs/ada/([^/]+)/\d+", _lines),
]


@contextmanager
def standing(stand: Stand) -> Iterator[Server]:
    """Serve a stand for the length of a block."""
    with serving(stand.respond) as server:
        yield server
