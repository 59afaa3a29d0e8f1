"""Every route of the API has a method of `jitsu_py.api` that asks for it, or a stated reason."""

from __future__ import annotations

import io
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py.api import Client
from jitsu_py.api.apps import Cloud
from jitsu_py.api.backups import Backup
from jitsu_py.errors import JitsuError
from tests.contract.routes import ROUTES, Route
from tests.unit.loopback import answer, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def archive() -> io.BytesIO:
    """Something to send."""
    return io.BytesIO(b"archive")


CALLS: dict[str, Callable[[Client, Path], Any]] = {
    "GET /": lambda client, _: client.system.root(),
    "GET /health": lambda client, _: client.system.health(),
    "GET /endpoints": lambda client, _: client.system.endpoints(),
    "GET /auth": lambda client, _: client.users.auth(),
    "GET /apps/{user}": lambda client, _: client.apps.list(),
    "POST /apps/{user}": lambda client, _: client.apps.create({"name": "app"}),
    "GET /apps/{user}/{app}": lambda client, _: client.apps.get("app"),
    "PUT /apps/{user}/{app}": lambda client, _: client.apps.update("app", {}),
    "PATCH /apps/{user}/{app}/env": lambda client, _: client.apps.change_env("app", {"A": None}),
    "DELETE /apps/{user}/{app}": lambda client, _: client.apps.destroy("app"),
    "POST /apps/{user}/{app}/start": lambda client, _: client.apps.start("app"),
    "POST /apps/{user}/{app}/stop": lambda client, _: client.apps.stop("app"),
    "POST /apps/{user}/{app}/restart": lambda client, _: client.apps.restart("app"),
    "POST /apps/{user}/{app}/rollback": lambda client, _: client.apps.roll_back("app", "1"),
    "POST /apps/{user}/{app}/available": lambda client, _: client.apps.available({"name": "app"}),
    "GET /apps/{user}/{app}/certs": lambda client, _: client.certs.list("app"),
    "PUT /apps/{user}/{app}/certs/{ref}": lambda client, _: client.certs.add("app", "a.com", "c", "k"),
    "DELETE /apps/{user}/{app}/certs/{ref}": lambda client, _: client.certs.remove("app", "a.com"),
    "POST /apps/{user}/{app}/certs/{ref}/retry": lambda client, _: client.certs.retry("app", "a.com"),
    "GET /apps/{user}/{app}/cloud": lambda client, _: client.apps.cloud("app"),
    "POST /apps/{user}/{app}/cloud": lambda client, _: client.apps.set_cloud(
        "app", [Cloud("local", "local", 1, None)]
    ),
    "GET /apps/{user}/{app}/drones": lambda client, _: client.apps.drones("app"),
    "GET /apps/{user}/{app}/metrics": lambda client, _: client.apps.metrics("app"),
    "GET /apps/{user}/{app}/snapshots": lambda client, _: client.snapshots.list("app"),
    "POST /apps/{user}/{app}/snapshots/{ref}": lambda client, _: client.snapshots.upload(
        "app", "1", archive()
    ),
    "GET /apps/{user}/{app}/snapshots/{ref}": lambda client, _: client.snapshots.get("app", "1"),
    "GET /apps/{user}/{app}/snapshots/{ref}.tgz": lambda client, tmp: client.snapshots.fetch(
        "app", "1", tmp / "1.tgz", lambda _done, _total: None
    ),
    "GET /apps/{user}/{app}/snapshots/{ref}/log": lambda client, _: client.snapshots.log("app", "1"),
    "DELETE /apps/{user}/{app}/snapshots/{ref}": lambda client, _: client.snapshots.destroy("app", "1"),
    "POST /apps/{user}/{app}/snapshots/{ref}/activate": lambda client, _: client.snapshots.activate(
        "app", "1"
    ),
    "POST /apps/{user}/snapshots/{ref}": lambda client, _: client.snapshots.deploy("1", archive()),
    "POST /users/{user}": lambda client, _: client.users.create("ada", "ada@example.com"),
    "POST /users/{user}/confirm": lambda client, _: client.users.confirm("ada", "code"),
    "POST /users/email/taken": lambda client, _: client.users.email_taken("ada@example.com"),
    "GET /users/{user}/available": lambda client, _: client.users.available("ada"),
    "POST /users/{user}/forgot": lambda client, _: client.users.forgot("ada"),
    "GET /users/{user}": lambda client, _: client.users.get(),
    "PUT /users/{user}": lambda client, _: client.users.update(email="ada@example.com"),
    "DELETE /users/{user}": lambda client, _: client.users.destroy(),
    "GET /users/{user}/tokens": lambda client, _: client.tokens.list(),
    "PUT /users/{user}/tokens": lambda client, _: client.tokens.create(),
    "PUT /users/{user}/tokens/{name}": lambda client, _: client.tokens.create("ci"),
    "DELETE /users/{user}/tokens/{name}": lambda client, _: client.tokens.destroy("ci"),
    "GET /users/{user}/thirdparty": lambda client, _: client.thirdparty.list(),
    "POST /users/{user}/thirdparty": lambda client, _: client.thirdparty.add("github", "secret"),
    "DELETE /users/{user}/thirdparty/{ref}": lambda client, _: client.thirdparty.remove("work"),
    "GET /databases/{user}": lambda client, _: client.databases.list(),
    "POST /databases/{user}/{name}": lambda client, _: client.databases.create("redis", "db"),
    "GET /databases/{user}/{name}": lambda client, _: client.databases.get("db"),
    "PUT /databases/{user}/{name}": lambda client, _: client.databases.update("db", memory=1),
    "DELETE /databases/{user}/{name}": lambda client, _: client.databases.destroy("db"),
    "PUT /databases/{user}/{name}/apps/{app}": lambda client, _: client.databases.attach("db", "app"),
    "DELETE /databases/{user}/{name}/apps/{app}": lambda client, _: client.databases.detach("db", "app"),
    "POST /databases/{user}/{name}/rotate": lambda client, _: client.databases.rotate("db"),
    "POST /databases/{user}/{name}/start": lambda client, _: client.databases.start("db"),
    "POST /databases/{user}/{name}/stop": lambda client, _: client.databases.stop("db"),
    "POST /databases/{user}/{name}/backups": lambda client, _: client.backups.create("db"),
    "GET /databases/{user}/{name}/backups": lambda client, _: client.backups.list("db"),
    "GET /databases/{user}/{name}/backups/{ref}": lambda client, tmp: client.backups.fetch(
        "db", Backup.parse({"id": "1"}), tmp / "1", lambda _done, _total: None
    ),
    "DELETE /databases/{user}/{name}/backups/{ref}": lambda client, _: client.backups.destroy("db", "1"),
    "POST /databases/{user}/{name}/restore": lambda client, _: client.backups.restore("db", "1"),
    "GET /drains/{user}": lambda client, _: client.drains.list(),
    "POST /drains/{user}": lambda client, _: client.drains.add("https://logs.example.com/"),
    "DELETE /drains/{user}/{ref}": lambda client, _: client.drains.remove("d-1"),
    "POST /logs/{user}": lambda client, _: client.logs.query_all(),
    "GET /logs/{user}": lambda client, _: list(client.logs.tail_all()),
    "GET /logs/{user}/{app}/{rows}": lambda client, _: client.logs.query("app", 5),
    "GET /logs/{user}/{app}/tail": lambda client, _: list(client.logs.tail("app")),
}
"""A call of the library for each route."""

WITHOUT = {
    "GET /metrics": "read by Prometheus, whose format is no object",
    "PUT /apps/{user}": "the same as PUT /apps/{user}/{app}, which the library uses",
    "POST /apps/{user}/{app}": "the same as POST /apps/{user}, which the library uses",
    "POST /users/{user}/tokens": "the same as PUT, which the library uses since it may be sent twice",
    "GET /logs/{user}/{app}": "the same as with the rows behind it",
    "POST /logs/{user}/{app}": "the seed's form of what GET /logs/{user}/{app}/{rows} answers",
}
"""Routes that the library has no need of, and why."""


def test_the_library_has_every_route() -> None:
    """A route that is new is in one of the tables."""
    routes = {route.name for route in ROUTES}
    assert routes - set(CALLS) - set(WITHOUT) == set(), "add the call to CALLS"
    assert (set(CALLS) | set(WITHOUT)) - routes == set(), "routes that are gone"
    assert set(CALLS) & set(WITHOUT) == set()


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.name in CALLS], ids=lambda route: route.name
)
def test_the_call_asks_for_its_route(route: Route, tmp_path: Path) -> None:
    """The call sends that method to that path, whatever it makes of the answer."""
    listed = {"snapshots": [{"id": "1", "sha256": "0" * 64}]}
    with serving(lambda _request: answer(listed)) as server:
        with Client(server.url, "ada", "secret") as client, suppress(JitsuError):
            CALLS[route.name](client, tmp_path)
        asked = [f"{request.method} {request.path.partition('?')[0]}" for request in server.requests]
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route.name)) + "$"
    assert any(re.match(pattern, one) for one in asked), asked


def test_a_whole_deploy_is_one_request() -> None:
    """The archive goes as it is, with its length; the app comes back."""
    sent: list[int] = []
    with (
        serving(lambda _request: answer({"app": {"name": "app", "user": "ada"}})) as server,
        Client(server.url, "ada", "secret") as client,
    ):
        assert client.snapshots.deploy("1.0.0", archive(), advance=sent.append).name == "app"
        assert client.snapshots.redeploy("app-1.0.0").name == "app"
        first, second = server.requests
    assert (first.body, first.headers["content-length"], sent) == (b"archive", "7", [7])
    assert first.headers["content-type"] == "application/x-gzip"
    assert (second.path, second.body) == ("/apps/ada/snapshots/app-1.0.0", b"")
