"""The databases of a user: create, look at, attach to apps, start and stop, destroy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jitsu_py.api import fields
from jitsu_py.api.addresses import route, split_app
from jitsu_py.api.apps import START_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from jitsu_py.api.transport import Transport
    from jitsu_py.api.tunnel import Tunnel

CREATE_TIMEOUT = 300.0
"""Seconds that a creation or start may take: the first of a kind may have its server fetched."""

TYPES = ("redis", "mongo", "couch", "mongohq", "redistogo")
"""What can be created; the last two are names of 2013 for mongo and redis."""

ALIASES = {
    "c": "couch",
    "couchdb": "couch",
    "iriscouch": "couch",
    "r": "redis",
    "irisredis": "redis",
    "valkey": "redis",
    "m": "mongo",
    "mongodb": "mongo",
    "mongolab": "mongo",
}
"""Other words for types, by the word: those of jitsu 0.x, and names of servers."""

KINDS = {"redis": "redis", "redistogo": "redis", "mongo": "mongo", "mongohq": "mongo", "couch": "couch"}
"""Which of the three protocols a type speaks."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """An app that is given a database's address in its environment."""

    app: str
    variables: tuple[str, ...]
    """Names of the variables that hold it."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When backups are made by themselves."""

    every: str
    """`hourly`, `daily` or `weekly`; empty: never."""
    keep: int
    """How many stay; the oldest go."""


@dataclass(frozen=True, slots=True)
class Database:
    """A database as the server knows it."""

    name: str
    user: str
    """Whose it is."""
    type: str
    """One of `TYPES`."""
    state: str
    """`starting`, `running`, `slow`, `stopped`, `failed` or `full`."""
    why: str
    """A sentence, where it does not run as it should."""
    server: str
    """The program that keeps it, and its version."""
    limits: str
    """What that program cannot do of what the real one can; empty: it is the real one."""
    size: int
    """Bytes on disk."""
    memory: int
    """MiB that it may use; 0: the server does not say."""
    host: str
    port: int
    username: str
    """Empty: its server knows no names."""
    password: str = field(repr=False)
    """Empty: it was not told to us."""
    dbname: str
    """Of the database inside the server; empty: there is none to name."""
    url: str = field(repr=False)
    """Connects, password included; empty: it was not told to us."""
    apps: tuple[Attachment, ...]
    """Whom it is attached to."""
    schedule: Schedule
    ctime: datetime | None
    """When it was created."""
    raw: Mapping[str, Any] = field(repr=False)
    """As the server sent it."""

    @property
    def kind(self) -> str:
        """`redis`, `mongo` or `couch`: what its clients speak."""
        return KINDS.get(self.type, self.type)

    @property
    def variable(self) -> str:
        """The variable in which apps are told its address, unless attached under another one."""
        return f"{self.kind.upper()}_URL"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Database:
        """Read what the API calls a database; name, user and type must be there."""
        facts = data.get("metadata")
        facts = facts if isinstance(facts, dict) else {}
        listed = data.get("apps")
        schedule = data.get("schedule")
        schedule = schedule if isinstance(schedule, dict) else {}
        return cls(
            name=fields.text(data, "name"),
            user=fields.text(data, "user"),
            type=fields.text(data, "type"),
            state=fields.maybe_text(data, "state"),
            why=fields.maybe_text(data, "why"),
            server=fields.maybe_text(data, "server"),
            limits=fields.maybe_text(data, "limits"),
            size=fields.maybe_int(data, "size"),
            memory=fields.maybe_int(data, "memory"),
            host=fields.maybe_text(facts, "host"),
            port=fields.maybe_int(facts, "port"),
            username=fields.maybe_text(facts, "username"),
            password=fields.maybe_text(facts, "password"),
            dbname=fields.maybe_text(facts, "dbname"),
            url=fields.maybe_text(data, "url"),
            apps=tuple(map(_attachment, fields.objects(listed, "`apps`")))
            if isinstance(listed, list)
            else (),
            schedule=Schedule(fields.maybe_text(schedule, "every"), fields.maybe_int(schedule, "keep")),
            ctime=fields.maybe_time(data, "ctime"),
            raw=data,
        )


def _attachment(data: Mapping[str, Any]) -> Attachment:
    return Attachment(fields.text(data, "name"), fields.texts(data, "variables"))


class Databases:
    """The routes below `/databases`. A database is named `name` or `user/name`."""

    def __init__(self, transport: Transport, user: str) -> None:
        self._transport = transport
        self._user = user

    def list(self, user: str | None = None) -> list[Database]:
        """Give all databases of a user."""
        reply = self._transport.call("GET", route("databases", user or self._user))
        return [Database.parse(row) for row in fields.rows(reply, "databases")]

    def get(self, name: str) -> Database:
        """Give one database.

        Raises:
            NotFoundError: there is none of that name.
        """
        return _read(self._transport.call("GET", self.path(name)))

    def create(self, kind: str, name: str, *, attach: str = "", memory: int | None = None) -> Database:
        """Create a database; its state may be `starting` for a while.

        Args:
            kind: one of `TYPES`.
            name: free among the user's databases.
            attach: the app that is given its address; empty: none.
            memory: MiB that it may use; None: the server's default.

        Raises:
            ConflictError: the name is taken.
        """
        wishes = {"attach": attach, "memory": memory}
        body = {"type": kind} | {key: value for key, value in wishes.items() if value}
        return _read(self._transport.call("POST", self.path(name), body, timeout=CREATE_TIMEOUT))

    def destroy(self, name: str) -> None:
        """Remove a database with its data and backups."""
        self._transport.call("DELETE", self.path(name), timeout=START_TIMEOUT)

    def attach(self, name: str, app: str, prefix: str = "") -> Database:
        """Have an app told the address, at its next start.

        Args:
            name: the database.
            app: of the same user.
            prefix: `CACHE` makes the variable `CACHE_URL`; empty: the kind names it.

        Raises:
            ConflictError: another database of the kind has that variable.
        """
        params = {"as": prefix} if prefix else None
        return _read(self._transport.call("PUT", self.path(name, "apps", app), params=params))

    def detach(self, name: str, app: str) -> Database:
        """Have an app not told the address any more, from its next start on."""
        return _read(self._transport.call("DELETE", self.path(name, "apps", app)))

    def rotate(self, name: str, *, restart: bool = False) -> Database:
        """Give it a new password; attached apps get it when they start, which `restart` makes them do now."""
        params = {"restart": "true"} if restart else None
        path = self.path(name, "rotate")
        return _read(self._transport.call("POST", path, {}, params=params, timeout=CREATE_TIMEOUT))

    def start(self, name: str) -> Database:
        """Start it."""
        return _read(self._transport.call("POST", self.path(name, "start"), {}, timeout=CREATE_TIMEOUT))

    def stop(self, name: str) -> Database:
        """Stop it; nothing of it is lost."""
        return _read(self._transport.call("POST", self.path(name, "stop"), {}, timeout=START_TIMEOUT))

    def update(self, name: str, *, schedule: Schedule | None = None, memory: int | None = None) -> Database:
        """Change when backups are made, or how much memory (MiB) it may use."""
        body: dict[str, Any] = {}
        if schedule is not None:
            body["schedule"] = {"every": schedule.every or None, "keep": schedule.keep}
        if memory is not None:
            body["memory"] = memory
        return _read(self._transport.call("PUT", self.path(name), body, timeout=START_TIMEOUT))

    def tunnel(self, name: str, port: int, warn: Callable[[str], None]) -> Tunnel:
        """A port of this machine that leads to the database; open between entering and leaving it.

        Args:
            name: the database.
            port: to listen on, on loopback; 0: any that is free.
            warn: told why a connection did not come about; by another thread.
        """
        from jitsu_py.api.tunnel import Tunnel

        return Tunnel(self._transport.way(), self.path(name, "tunnel"), port, warn)

    def path(self, name: str, *parts: str) -> str:
        """The route of a database, or below it."""
        return route("databases", *split_app(name, self._user), *parts)


def _read(reply: Any) -> Database:
    return Database.parse(fields.inner(reply, "database"))
