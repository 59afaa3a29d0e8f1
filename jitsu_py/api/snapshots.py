"""The snapshots of an app: list, upload and build, look at, activate, fetch, destroy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from jitsu_py.api import fields
from jitsu_py.api.addresses import route, split_app
from jitsu_py.api.downloads import save
from jitsu_py.api.events import BuildEvent
from jitsu_py.api.failures import CONNECTION_LOST
from jitsu_py.api.uploads import ARCHIVE, Body, Build, opened
from jitsu_py.errors import NotFoundError, TimedOutError, UnreachableError
from jitsu_py.wire import SHA256

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from jitsu_py.api.apps import App
    from jitsu_py.api.transport import Transport

SNAPSHOTS_HINT = "`jitsu snapshots list` shows those that are there"

DEPLOY_TIMEOUT = 1200.0
"""Seconds that a whole deploy in one call may take: upload, a build, a start."""

SILENCE = 60.0
"""Seconds without an event of a build before the connection counts as lost; a living server pings."""


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file inside a snapshot."""

    path: str
    """Below the package's root, with forward slashes."""
    size: int
    """Bytes."""
    mode: int
    """Permission bits."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An uploaded archive of an app and what was built from it."""

    id: str
    """Unique in the app, most often its version."""
    state: str
    """`building`, `ready` or `failed`."""
    filename: str
    ctime: datetime | None
    """When it was uploaded."""
    size: int
    """Bytes of the archive."""
    md5: str
    """Hex, of the archive."""
    sha256: str
    """Hex, of the archive."""
    active: bool
    """Whether a start would run it."""
    running: bool
    """Whether drones of it run now."""
    served: bool
    """Whether drones of it were ever proved ready; of a server that does not say, yes."""
    engine: str
    """Version of Node that it runs on; empty: not built."""
    files: tuple[PackedFile, ...] = field(default=(), repr=False)
    """What is inside; only where one snapshot was asked for."""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """As the server sent it, for `--json`."""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Snapshot:
        """Read what the API calls a snapshot; only the id must be there."""
        files = data.get("files")
        return cls(
            id=fields.text(data, "id"),
            state=fields.maybe_text(data, "state"),
            filename=fields.maybe_text(data, "filename"),
            ctime=fields.maybe_time(data, "ctime"),
            size=fields.maybe_int(data, "size"),
            md5=fields.maybe_text(data, "md5"),
            sha256=fields.maybe_text(data, "sha256"),
            active=data.get("active") is True,
            running=data.get("running") is True,
            served=data.get("served") is not False,
            engine=fields.maybe_text(data, "engine"),
            files=tuple(map(_packed, fields.objects(files, "`files`"))) if isinstance(files, list) else (),
            raw=data,
        )


def _packed(data: Mapping[str, Any]) -> PackedFile:
    return PackedFile(
        fields.text(data, "path"), fields.maybe_int(data, "size"), fields.maybe_int(data, "mode")
    )


class Snapshots:
    """The routes below `/apps/:user/:app/snapshots`. An app is named `name` or `user/name`."""

    def __init__(self, transport: Transport, user: str) -> None:
        self._transport = transport
        self._user = user

    def list(self, app: str) -> list[Snapshot]:
        """Give the snapshots of an app, oldest first."""
        reply = self._transport.call("GET", self._path(app))
        return [Snapshot.parse(row) for row in fields.rows(reply, "snapshots")]

    def get(self, app: str, snapshot_id: str) -> Snapshot:
        """Give one snapshot, with its files."""
        data = fields.mapping(self._transport.call("GET", self._path(app, snapshot_id)), "the reply")
        return Snapshot.parse(fields.inner(data, "snapshot") if "snapshot" in data else data)

    def find(self, app: str, snapshot_id: str) -> Snapshot | None:
        """Give one snapshot from the list, without its files: cheap for the server; None: there is none."""
        return next((found for found in self.list(app) if found.id == snapshot_id), None)

    def upload(
        self,
        app: str,
        snapshot_id: str,
        archive: Path | BinaryIO,
        *,
        sha256: str = "",
        fresh: bool = False,
        advance: Callable[[int], object] = lambda _sent: None,
        on_event: Callable[[BuildEvent], object] = lambda _event: None,
        silence: float = SILENCE,
    ) -> Snapshot:
        """Send an archive and stay until the server has built it.

        Args:
            app: `name` or `user/name`.
            snapshot_id: of the new snapshot; must be free.
            archive: a gzip tar: its path, or an open binary file, sent from where it stands to its end.
            sha256: hex, of the archive; the server refuses a body that differs. Empty: not checked.
            fresh: install its dependencies anew, whatever earlier builds left in the server's cache.
            advance: told how many bytes were sent just now.
            on_event: told of each event of the build as it comes.
            silence: seconds without an event before the connection counts as lost.

        Raises:
            BuildFailedError: with the build's last lines as `output`.
            ProjectError: the archive is refused, or changed while it was sent.
            ConflictError: the id is taken.
            UnreachableError: with the code `connection_lost` when the connection broke: the server goes
                on. `details`: `sent`, `length` (bytes) and `lines` (of the build that arrived).
        """
        headers = {"Content-Type": ARCHIVE} | ({SHA256: sha256} if sha256 else {})
        params = {"cache": "no"} if fresh else None
        build = Build(on_event)
        with opened(archive) as file:
            body = Body(file, advance)
            try:
                for data in self._transport.events(
                    self._path(app, snapshot_id), body, headers, params=params, timeout=silence
                ):
                    if verdict := build.take(BuildEvent.parse(data), self._transport.request_id):
                        return Snapshot.parse(fields.inner(verdict, "snapshot"))
            except (UnreachableError, TimedOutError) as error:
                if isinstance(error, UnreachableError) and error.code != CONNECTION_LOST:
                    raise
                raise build.lost(error.message, body, self._transport.request_id) from error
        raise build.lost("the connection ended before the build did", body, self._transport.request_id)

    def log(self, app: str, snapshot_id: str) -> str:
        """Give what the build printed."""
        return self._transport.text(self._path(app, snapshot_id, "log"))

    def activate(self, app: str, snapshot_id: str) -> None:
        """Make a snapshot the one that the next start runs."""
        self._transport.call("POST", self._path(app, snapshot_id, "activate"), {})

    def destroy(self, app: str, snapshot_id: str) -> None:
        """Remove a snapshot that is not active."""
        self._transport.call("DELETE", self._path(app, snapshot_id))

    def fetch(
        self, app: str, snapshot_id: str, target: Path, advance: Callable[[int, int | None], object]
    ) -> Path:
        """Download the archive as it was uploaded; `target` appears whole or not at all.

        Where the connection is lost, the next one goes on from there, as long as that brings more.

        Args:
            app: `name` or `user/name`.
            snapshot_id: of the snapshot.
            target: the file to write; replaced when it is there.
            advance: told the bytes just received and the whole length (None: unknown).
        """
        listed = self.find(app, snapshot_id)
        if listed is None:
            raise NotFoundError(f"{app} has no snapshot {snapshot_id}", hint=SNAPSHOTS_HINT)
        path, what = self._path(app, f"{snapshot_id}.tgz"), f"the archive of {snapshot_id}"
        return save(self._transport, path, target, sha256=listed.sha256, what=what, advance=advance)

    def deploy(
        self,
        snapshot_id: str,
        archive: Path | BinaryIO,
        user: str | None = None,
        advance: Callable[[int], object] = lambda _sent: None,
        timeout: float = DEPLOY_TIMEOUT,
    ) -> App:
        """Create or update, build, activate and start the app of an archive's package.json, in one call.

        Args:
            snapshot_id: of the new snapshot.
            archive: a gzip tar: its path, or an open binary file, sent from where it stands to its end.
            user: whose app it is; None: ours.
            advance: told how many bytes were sent just now.
            timeout: seconds for all of it. `upload` is for those who want to see the build.

        Raises:
            BuildFailedError, StartFailedError: with the last lines as `output`; what ran goes on.
        """
        path = route("apps", user or self._user, "snapshots", snapshot_id)
        with opened(archive) as file:
            reply = self._transport.call("POST", path, Body(file, advance), timeout=timeout)
        return self._app(reply)

    def redeploy(self, snapshot_id: str, user: str | None = None, timeout: float = DEPLOY_TIMEOUT) -> App:
        """Activate and start a snapshot that is there.

        Args:
            snapshot_id: `<app>-<snapshot>`, or an id that only one of the user's apps has.
            timeout: seconds.
        """
        path = route("apps", user or self._user, "snapshots", snapshot_id)
        return self._app(self._transport.call("POST", path, timeout=timeout))

    def _app(self, reply: Any) -> App:
        from jitsu_py.api.apps import App  # which holds snapshots itself

        return App.parse(fields.inner(reply, "app"))

    def _path(self, app: str, *parts: str) -> str:
        return route("apps", *split_app(app, self._user), "snapshots", *parts)
