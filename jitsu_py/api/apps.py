"""The apps of a user: list, create, update, start and stop, scale, destroy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jitsu_py.api import fields
from jitsu_py.api.addresses import route, split_app
from jitsu_py.api.failures import CONNECTION_LOST, failure
from jitsu_py.api.figures import Drone, Metrics
from jitsu_py.api.snapshots import SILENCE, Snapshot
from jitsu_py.errors import UnreachableError
from jitsu_py.wire import ORDER_KEY, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from jitsu_py.api.transport import Transport

START_TIMEOUT = 180.0
"""Seconds that a start, stop or move may take: the drones boot, are proved ready, the old ones drain."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """Where an app runs, and how much of it."""

    provider: str
    """`local`: the server's own machine."""
    datacenter: str
    drones: int
    """Wanted number of processes."""
    ram: int | None
    """MiB a drone may use; None: the server's default."""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Cloud:
        """Read one entry of an app's cloud."""
        return cls(
            provider=fields.maybe_text(data, "provider"),
            datacenter=fields.maybe_text(data, "datacenter"),
            drones=fields.maybe_int(data, "drones"),
            ram=fields.maybe_int(data, "ram") or None,
        )

    def body(self) -> dict[str, Any]:
        """Give it as the API takes it; what is not known stays out."""
        known = {"provider": self.provider, "datacenter": self.datacenter, "ram": self.ram}
        return {"drones": self.drones} | {key: value for key, value in known.items() if value}


@dataclass(frozen=True, slots=True)
class App:
    """An app as the server knows it."""

    name: str
    user: str
    """Whose it is."""
    state: str
    """`started` or `stopped`: what is wanted."""
    condition: str
    """How it fares, a `wire.Condition`; what is wanted where an older server does not say."""
    subdomain: str
    domains: tuple[str, ...]
    """Custom host names."""
    urls: tuple[str, ...]
    """Where it answers, the one to show first."""
    drones: int
    """Processes running now."""
    max_drones: int
    """Processes wanted."""
    version: str
    description: str
    main: str
    engines: Mapping[str, str]
    scripts: Mapping[str, str]
    dependencies: Mapping[str, str]
    env: Mapping[str, str] = field(repr=False)
    """Environment of its drones; values are secrets until shown otherwise."""
    cloud: tuple[Cloud, ...]
    active: str
    """Id of the snapshot that a start runs; empty: none."""
    running: str
    """Id of the snapshot that runs; empty: none."""
    snapshots: tuple[Snapshot, ...] = field(repr=False)
    """Oldest first."""
    databases: tuple[str, ...]
    """Names of those attached: the platform adds their addresses to `env`."""
    database_variables: tuple[str, ...]
    """Names of the variables that hold those; `env` has them only for who may see passwords."""
    ctime: datetime | None
    """When it was created."""
    mtime: datetime | None
    """When it was last changed."""
    raw: Mapping[str, Any] = field(repr=False)
    """As the server sent it, for `--json` and for keys of package.json that we do not name."""
    processes: tuple[Drone, ...] = ()
    """Its drones, where `Apps.drones` was asked for them."""

    @property
    def url(self) -> str:
        """The address to show; empty when the server named none."""
        return self.urls[0] if self.urls else ""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> App:
        """Read what the API calls an app; name and user must be there."""
        config = data.get("config")
        cloud = config.get("cloud") if isinstance(config, dict) else None
        snapshots = data.get("snapshots")
        return cls(
            name=fields.text(data, "name"),
            user=fields.text(data, "user"),
            state=fields.maybe_text(data, "state"),
            condition=fields.maybe_text(data, "condition") or fields.maybe_text(data, "state"),
            subdomain=fields.maybe_text(data, "subdomain"),
            domains=fields.texts(data, "domains"),
            urls=fields.texts(data, "urls"),
            drones=fields.maybe_int(data, "drones"),
            max_drones=fields.maybe_int(data, "maxDrones"),
            version=fields.maybe_text(data, "version"),
            description=fields.maybe_text(data, "description"),
            main=fields.maybe_text(data, "main"),
            engines=fields.table(data, "engines"),
            scripts=fields.table(data, "scripts"),
            dependencies=fields.table(data, "dependencies"),
            env=fields.table(data, "env"),
            cloud=_clouds(cloud) if isinstance(cloud, list) else (),
            active=_snapshot_id(data.get("active")),
            running=_snapshot_id(data.get("running")),
            snapshots=tuple(Snapshot.parse(row) for row in fields.rows(data, "snapshots"))
            if isinstance(snapshots, list)
            else (),
            databases=fields.texts(data, "databases"),
            database_variables=fields.texts(data, "databaseVariables"),
            ctime=fields.maybe_time(data, "ctime"),
            mtime=fields.maybe_time(data, "mtime"),
            raw=data,
        )


def _snapshot_id(value: Any) -> str:
    if isinstance(value, dict):
        return fields.text(value, "id")
    return value if isinstance(value, str) else ""


def _clouds(data: Any) -> tuple[Cloud, ...]:
    return tuple(Cloud.parse(entry) for entry in fields.objects(data, "the cloud"))


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether an app could be created; true means free."""

    available: bool
    """Both name and subdomain are."""
    name: bool
    subdomain: bool


class Apps:
    """The routes below `/apps`. An app is named `name` or `user/name`; `user` is whose it is otherwise."""

    def __init__(self, transport: Transport, user: str) -> None:
        self._transport = transport
        self._user = user

    def list(self, user: str | None = None) -> list[App]:
        """Give all apps of a user."""
        reply = self._transport.call("GET", route("apps", user or self._user))
        return [App.parse(row) for row in fields.rows(reply, "apps")]

    def get(self, name: str, user: str | None = None) -> App:
        """Give one app.

        Raises:
            NotFoundError: there is none of that name.
        """
        return App.parse(fields.inner(self._transport.call("GET", self._path(name, user)), "app"))

    def create(self, manifest: Mapping[str, Any], user: str | None = None) -> App:
        """Create an app from a package.json.

        Raises:
            ConflictError: the name or the subdomain is taken.
        """
        reply = self._transport.call("POST", route("apps", user or self._user), dict(manifest))
        return App.parse(fields.inner(reply, "app"))

    def update(self, name: str, changes: Mapping[str, Any], user: str | None = None) -> App:
        """Replace the top-level keys of an app that `changes` names; others stay."""
        return self._app(self._transport.call("PUT", self._path(name, user), dict(changes)), name, user)

    def change_env(self, name: str, changes: Mapping[str, str | None], user: str | None = None) -> App:
        """Set variables of an app, or delete those whose value is None; the others stay.

        Two that do this at the same moment do not undo each other, as they would with `update`.
        """
        return self._app(
            self._transport.call("PATCH", self._path(name, user, "env"), dict(changes)), name, user
        )

    def destroy(self, name: str, user: str | None = None) -> None:
        """Stop an app and remove it with its snapshots, builds and logs."""
        self._transport.call("DELETE", self._path(name, user), timeout=START_TIMEOUT)

    def start(
        self, name: str, user: str | None = None, timeout: float = START_TIMEOUT, *, key: str = ""
    ) -> App:
        """Start an app, or switch a started one to what is active now, without downtime.

        Args:
            name: `name` or `user/name`.
            user: whose it is, where the name does not say.
            timeout: seconds.
            key: names this start: said again with it after a lost connection, it tells what came of it.

        Raises:
            StartFailedError: with the app's last lines as `output`.
            ConflictError: no snapshot is active.
        """
        return self._act("start", name, user, timeout, _named(key))

    def start_told(
        self,
        name: str,
        line: Callable[[str], object],
        user: str | None = None,
        *,
        silence: float = SILENCE,
        key: str = "",
    ) -> App:
        """Start an app as `start` does, told what its release command prints, for as long as that takes.

        Args:
            name: `name` or `user/name`.
            line: told of each line as it comes.
            user: whose it is, where the name does not say.
            silence: seconds without a word of the server before the connection counts as lost.
            key: as of `start`.

        Raises:
            StartFailedError: with the app's last lines as `output`.
            ConflictError: no snapshot is active.
            UnreachableError: with the code `connection_lost` when the connection broke: the start goes on.
        """
        path = self._path(name, user, "start")
        for event in self._transport.events(path, (), _named(key), timeout=silence):
            if event.get("event") == Event.LINE:
                line(fields.text(event, "text"))
            elif event.get("event") == Event.FAILED:
                raise failure(event, request_id=self._transport.request_id)
            elif event.get("event") == Event.DONE:
                return self._app(event, name, user)
        raise UnreachableError("the connection ended before the start did", code=CONNECTION_LOST)

    def stop(self, name: str, user: str | None = None, timeout: float = START_TIMEOUT) -> App:
        """Stop an app; timeout: seconds."""
        return self._act("stop", name, user, timeout)

    def restart(self, name: str, user: str | None = None, timeout: float = START_TIMEOUT) -> App:
        """Replace an app's drones by new ones, rolling; timeout: seconds."""
        return self._act("restart", name, user, timeout)

    def roll_back(
        self,
        name: str,
        snapshot: str,
        user: str | None = None,
        *,
        with_env: bool = False,
        timeout: float = START_TIMEOUT,
    ) -> App:
        """Put an earlier snapshot live; if it does not come up, nothing has changed.

        Args:
            name: `name` or `user/name`.
            snapshot: its id.
            user: whose the app is, where the name does not say.
            with_env: in the environment in which it last served, which is the app's then.
            timeout: seconds.

        Raises:
            StartFailedError: with the app's last lines as `output`.
            NotFoundError: there is no such snapshot, or it never served and its environment is asked for.
        """
        body = {"snapshot": snapshot, "env": with_env}
        reply = self._transport.call("POST", self._path(name, user, "rollback"), body, timeout=timeout)
        return self._app(reply, name, user)

    def available(self, manifest: Mapping[str, Any], user: str | None = None) -> Availability:
        """Tell whether the name and subdomain of a package.json are free."""
        name = fields.maybe_text(manifest, "name")
        reply = self._transport.call("POST", self._path(name, user, "available"), dict(manifest))
        data = fields.mapping(reply, "the reply")
        return Availability(
            data.get("available") is True, data.get("appname") is True, data.get("subdomain") is True
        )

    def cloud(self, name: str, user: str | None = None) -> tuple[Cloud, ...]:
        """Tell where an app runs, and how much of it."""
        return _clouds(self._transport.call("GET", self._path(name, user, "cloud")))

    def set_cloud(
        self, name: str, entries: Sequence[Cloud], user: str | None = None, timeout: float = START_TIMEOUT
    ) -> tuple[Cloud, ...]:
        """Scale or move an app; timeout: seconds."""
        body = [entry.body() for entry in entries]
        path = self._path(name, user, "cloud")
        return _clouds(self._transport.call("POST", path, body, timeout=timeout))

    def drones(self, name: str, user: str | None = None) -> tuple[Drone, ...]:
        """Give the processes of an app with what they use now, in the order of their launch."""
        reply = self._transport.call("GET", self._path(name, user, "drones"))
        return tuple(Drone.parse(row) for row in fields.rows(reply, "drones"))

    def metrics(self, name: str, user: str | None = None) -> Metrics:
        """Give what the router counted of an app since the server runs."""
        reply = self._transport.call("GET", self._path(name, user, "metrics"))
        return Metrics.parse(fields.mapping(reply, "the reply"))

    def _act(
        self, verb: str, name: str, user: str | None, timeout: float, headers: Mapping[str, str] | None = None
    ) -> App:
        path = self._path(name, user, verb)
        reply = self._transport.call("POST", path, {}, headers=headers, timeout=timeout)
        return self._app(reply, name, user)

    def _app(self, reply: Any, name: str, user: str | None) -> App:
        """Read the app in a reply, or ask for it where an older server answers without."""
        app = reply.get("app") if isinstance(reply, dict) else None
        return App.parse(app) if isinstance(app, dict) else self.get(name, user)

    def _path(self, name: str, user: str | None, *parts: str) -> str:
        return route("apps", *split_app(name, user or self._user), *parts)


def _named(key: str) -> dict[str, str]:
    """Headers of a request that may be sent again."""
    return {ORDER_KEY: key} if key else {}
