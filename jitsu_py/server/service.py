"""The server process: put the platform together, serve it, take it apart again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import logging.handlers
import os
import signal
import time
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import psutil
import uvicorn
import uvloop

from jitsu_py import __version__, wire
from jitsu_py.server import notify, owner, parts, ports, privileges
from jitsu_py.server.accounts import Accounts
from jitsu_py.server.address import Address
from jitsu_py.server.app import POWERED_BY, create_app
from jitsu_py.server.auth import Authenticator
from jitsu_py.server.builder.engines import engines_at_hand
from jitsu_py.server.certificates import Certificates
from jitsu_py.server.confinement import find_means
from jitsu_py.server.connections import bounded
from jitsu_py.server.databases import Databases
from jitsu_py.server.departures import Departures
from jitsu_py.server.drains import Drains
from jitsu_py.server.drones import step_aside
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.logbook import Keep, Logbook
from jitsu_py.server.mail import Mailer
from jitsu_py.server.measures import Measures
from jitsu_py.server.notes import Notes
from jitsu_py.server.platform import Platform
from jitsu_py.server.reconciler import Reconciler
from jitsu_py.server.redaction import Hide, hiding
from jitsu_py.server.rehearsal import rehearse
from jitsu_py.server.router import AccessLog
from jitsu_py.server.settings import LOG_FILE, engines_of, write_private
from jitsu_py.server.snapshots import Snapshots
from jitsu_py.server.store import Store, apps, load_sealer, open_store
from jitsu_py.server.unit import MARK
from jitsu_py.wire import TUNNEL_MESSAGE

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from jitsu_py.server.settings import Settings

log = logging.getLogger(__name__)

KEPT_EVERY: Final = 2.0
"""Seconds between two looks whether the run file is still there."""


def serve(settings: Settings, announce: Callable[[dict[str, Any]], None]) -> bool:
    """Run the platform in this process until a signal ends it; whether it left its drones running.

    TERM and INT stop everything in order; HUP leaves the drones and the router to the next server.

    Args:
        announce: called once, with the content of the run file, when requests are answered.

    Raises:
        PlatformError: it cannot start; nothing is left running.
    """
    privileges.keep()
    _log_to(settings.home / LOG_FILE)
    store = open_store(settings.home, load_sealer(settings.home))
    with contextlib.closing(store), contextlib.closing(ports.listen(settings, store)) as listener:
        service = Service(settings, store, listener, announce)
        uvloop.run(service.main())
    return service.leaves_running


class Service:
    """One run of the server."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        listener: socket.socket,
        announce: Callable[[dict[str, Any]], None],
    ) -> None:
        self._settings = settings
        self._announce = announce
        self._listener = listener
        self.leaves_running = False
        self._failure: PlatformError | None = None
        self._opened = asyncio.Event()
        self._user = owner.local_account(store)
        self._address = Address(
            settings.api.address,
            listener.getsockname()[1],
            router_port=ports.router_port(settings, store),
            https=settings.router.https,
            host=settings.api.host,
        )
        logbook = Logbook(settings.home / "logs", Keep(settings.logs.days, settings.logs.bytes))
        router = parts.router(settings, port=self._address.router_port, api_port=listener.getsockname()[1])
        notes = Notes(logbook, partial(_hiding, store))
        self._snapshots = Snapshots(store, parts.builder(settings), settings, notes)
        self._reconciler = Reconciler(store, parts.engine(settings), router, logbook, notes, settings)
        self._logbook = logbook
        self._databases = Databases(store, settings)
        self._certificates = Certificates(settings, store, router)
        self._platform = platform = Platform(
            settings,
            store,
            self._snapshots,
            self._reconciler,
            logbook,
            self._databases,
            self._certificates,
            self._address,
        )
        authenticator = Authenticator(store, local_user=self._user, local_token=owner.local_token(settings))
        self._mailer = Mailer(settings.home / "outbox", settings.mail)
        self._departures = Departures(platform)
        accounts = Accounts(store, self._mailer, sign_up=settings.accounts.sign_up, host=self._address.public)
        self._drains = Drains(store, logbook, settings.logs, self._user)
        self._access = AccessLog(settings.run, settings.home / "logs", size=settings.router.access_log)
        measures = Measures(self._reconciler, self._access)
        self._app = create_app(
            platform, authenticator, accounts, self._departures, self._drains, measures, self._background
        )

    async def main(self) -> None:
        """Serve until told to stop."""
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=5,
            http=bounded(POWERED_BY),
            ws="websockets-sansio",
            ws_max_size=TUNNEL_MESSAGE,
            ws_per_message_deflate=False,
            # Whoever reads slowly answers a ping late; it only keeps what lies between from forgetting us.
            ws_ping_timeout=None,
        )
        server = Server(config, self._started)
        stopping = asyncio.create_task(self._on_signal(server))
        stopping.add_done_callback(_report_fault)
        try:
            await server.serve(sockets=[self._listener])
        finally:
            stopping.cancel()
        if self._failure is not None:
            raise self._failure

    @contextlib.asynccontextmanager
    async def _background(self) -> AsyncIterator[None]:
        """What runs beside the API, from before its first request until after its last."""
        await asyncio.to_thread(self._snapshots.recover)
        # Before the apps, which look for them at their first moment.
        await self._databases.open()
        await self._certificates.show()
        try:
            await self._reconciler.open()
        except PlatformError as error:
            self._failure = error
            await self._reconciler.close(leave_running=True)
            await self._databases.close(leave_running=True)
            raise
        beside = (
            self._logbook.run(),
            self._keep_run_file(),
            self._mailer.run(),
            self._departures.run(),
            self._certificates.run(),
        )
        more = (self._drains.run(), self._access.run(), self._rehearse())
        tasks = [asyncio.create_task(work) for work in (*beside, *more)]
        try:
            yield
        finally:
            log.info("stopping, %s", "drones go on" if self.leaves_running else "drones too")
            await self._snapshots.close()
            await self._reconciler.close(leave_running=self.leaves_running)
            await self._databases.close(leave_running=self.leaves_running)
            for task in tasks:
                task.cancel()
            # Drains note how far they have come.
            await asyncio.wait(tasks, timeout=5)
            await asyncio.to_thread(self._logbook.collect)
            await asyncio.to_thread(self._logbook.close)
            (self._settings.home / wire.RUN_FILE).unlink(missing_ok=True)

    async def _rehearse(self) -> None:
        await self._opened.wait()
        await rehearse(self._app, self._user, owner.local_token(self._settings))
        # What the system's Node says of itself is remembered: the first build need not wait for it.
        await asyncio.to_thread(next, engines_at_hand(engines_of(self._settings.home)), None)

    async def _on_signal(self, server: Server) -> None:
        """Signals only put a message on a queue; this reads the first."""
        signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, signals.put_nowait, number)
        self.leaves_running = await signals.get() is signal.SIGHUP
        # Uvicorn told to exit before it serves would leave out what the lifespan does at the end.
        await self._opened.wait()
        try:
            # Those who follow a build or wait for a start hear of its end before their connection closes.
            self._platform.stopping.set()
            self._reconciler.give_up()
            await self._snapshots.close()
        finally:
            server.should_exit = True

    def _started(self) -> None:
        self._opened.set()
        self._write_run_file()
        self._announce(self._run_file())
        step_aside()
        notify.ready()
        log.info("jitsu %s serves at %s", __version__, self._address.api)

    async def _keep_run_file(self) -> None:
        while True:
            await asyncio.sleep(KEPT_EVERY)
            if not (self._settings.home / wire.RUN_FILE).exists():
                with contextlib.suppress(OSError):
                    self._settings.run.mkdir(mode=0o700, exist_ok=True)
                    self._write_run_file()

    def _write_run_file(self) -> None:
        write_private(self._settings.home / wire.RUN_FILE, json.dumps(self._run_file(), indent=1).encode())

    def _run_file(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "started": psutil.Process().create_time(),
            "api": self._address.api,
            "router": f"http://{self._settings.router.domain}:{self._address.router_port}",
            "version": __version__,
            "user": self._user,
            "means": asdict(find_means(sandboxed=not self._is_open)),
            "unit": os.environ.get(MARK, ""),
        }

    @property
    def _is_open(self) -> bool:
        """Whether nothing is to run in a sandbox."""
        return {self._settings.builds.sandbox, self._settings.drones.sandbox} == {"never"}


class Server(uvicorn.Server):
    """Uvicorn that tells when it serves, and leaves the signals to the service."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell if it came to that."""
        await super().startup(sockets)
        if self.started and not self.should_exit:
            self._tell_started()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def _report_fault(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("the server does not stop in order", exc_info=error)


def _log_to(path: Path) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=5_000_000, backupCount=3)
    formatter = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _hiding(store: Store, key: str) -> Hide | None:
    """What hides the secrets of an app ("user/name") in what the platform says of it; None: it is gone."""
    with store.read() as connection:
        app = apps.find(connection, *key.split("/", 1))
    return hiding(store, app) if app else None
