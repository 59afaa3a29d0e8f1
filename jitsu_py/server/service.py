"""The server process: put the platform together, serve it, take it apart again."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import json
import logging
import logging.handlers
import os
import re
import secrets
import signal
import socket
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import psutil
import uvicorn
import uvloop

from jitsu_py import __version__, wire
from jitsu_py.server import notify
from jitsu_py.server.accounts import Accounts
from jitsu_py.server.app import POWERED_BY, create_app
from jitsu_py.server.auth import Authenticator
from jitsu_py.server.builder import Builder, build_limits
from jitsu_py.server.certificates import Certificates
from jitsu_py.server.certificates.making import default_pem
from jitsu_py.server.confinement import Confiner
from jitsu_py.server.connections import bounded
from jitsu_py.server.databases import Databases
from jitsu_py.server.departures import Departures
from jitsu_py.server.drains import Drains
from jitsu_py.server.drones import LocalEngine, Quarters
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.logbook import Keep, Logbook
from jitsu_py.server.mail import Mailer
from jitsu_py.server.measures import Measures
from jitsu_py.server.notes import Notes
from jitsu_py.server.platform import Address, Platform
from jitsu_py.server.reconciler import Reconciler
from jitsu_py.server.redaction import Hide, hiding, unchanged
from jitsu_py.server.router import AccessLog, ApiHost, Front, Https, Router, find_haproxy
from jitsu_py.server.router.front import HSTS
from jitsu_py.server.settings import LOG_FILE, MEMORY_MOST, Settings, write_private
from jitsu_py.server.snapshots import Snapshots
from jitsu_py.server.store import Store, apps, load_sealer, open_store, remembered, users
from jitsu_py.wire import TUNNEL_MESSAGE, Blame, Code

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

TRIED: Final = 50
"""Ports tried, from the default on, when that one is taken."""

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
    _log_to(settings.home / LOG_FILE)
    store = open_store(settings.home, load_sealer(settings.home))
    with contextlib.closing(store), contextlib.closing(_listen(settings, store)) as listener:
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
        self._user = _local_account(store)
        self._address = Address(
            api=f"http://{settings.api.address}:{listener.getsockname()[1]}",
            router_port=_router_port(settings, store),
            https=settings.router.https,
            host=settings.api.host,
        )
        logbook = Logbook(settings.home / "logs", Keep(settings.logs.days, settings.logs.bytes))
        builder = _builder(settings)
        router = Router(
            _haproxy(),
            settings.run,
            port=self._address.router_port,
            address=settings.router.address,
            front=_front(settings, listener.getsockname()[1]),
            default=default_pem() if settings.router.https else "",
            compresses=settings.router.compression == "on",
        )
        notes = Notes(logbook, partial(_hiding, store))
        self._snapshots = Snapshots(store, builder, settings, notes)
        self._reconciler = Reconciler(store, _engine(settings), router, logbook, notes, settings)
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
        authenticator = Authenticator(store, local_user=self._user, local_token=_local_token(settings))
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
        await self._certificates.open()
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
        tasks = [asyncio.create_task(work) for work in (*beside, self._drains.run(), self._access.run())]
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
        }


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


def _haproxy() -> Path:
    found = find_haproxy()
    if found is None:
        raise PlatformError(
            Code.UNAVAILABLE,
            "HAProxy 2.8 or newer is needed to route to the apps and was not found. "
            "Install it (apt-get install haproxy, brew install haproxy).",
            blame=Blame.SYSTEM,
        )
    return found


def _front(settings: Settings, api_port: int) -> Front:
    """What the router has beside the apps: HTTPS, the API under its own name."""
    router, api = settings.router, settings.api
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(api.address, api.address)  # noqa: S104 - not bound
    usual = HSTS if router.https == 443 else 0
    hsts = usual if router.hsts is None else router.hsts
    return Front(
        https=Https(router.https, hsts) if router.https else None,
        api=ApiHost(api.host, address, api_port) if api.host else None,
    )


def _builder(settings: Settings) -> Builder:
    builds, home = settings.builds, settings.home
    half = psutil.virtual_memory().total // 2
    bounds = build_limits(
        memory=builds.memory or min(half, MEMORY_MOST), processes=builds.processes, disk=builds.disk
    )
    return Builder(
        cache=home / "cache",
        work=home / "work",
        engines=home / "engines" / "node",
        timeout=builds.timeout,
        concurrent=builds.concurrent,
        cache_size=builds.cache,
        confiner=Confiner.of_this_machine(home, sandboxed=builds.sandbox != "never"),
        bounds=bounds,
        strict=builds.sandbox == "always",
    )


def _engine(settings: Settings) -> LocalEngine:
    drones, home = settings.drones, settings.home
    quarters = Quarters(
        Confiner.of_this_machine(home, sandboxed=drones.sandbox != "never"),
        home.resolve(),
        processes=drones.processes,
        open_files=drones.open_files,
        cpu=drones.cpu,
        strict=drones.sandbox == "always",
    )
    return LocalEngine(home, quarters)


def _local_account(store: Store) -> str:
    """The account that is this machine's own, named after the user of the operating system."""
    with store.write() as connection:
        name = remembered.recall(connection, "local.user") or _user_name()
        if users.find(connection, name) is None:
            users.create(connection, name, email=None, password=None, confirmed=True)
        remembered.remember(connection, "local.user", name)
    return name


def _hiding(store: Store, key: str) -> Hide:
    """What hides the secrets of an app ("user/name") in what the platform says of it."""
    with store.read() as connection:
        app = apps.find(connection, *key.split("/", 1))
    return hiding(store, app) if app else unchanged


def _user_name() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "local"
    clean = re.sub(r"[^a-z0-9._-]+", "-", name.lower())[:64].strip("._-")
    return clean if re.fullmatch(wire.USER_NAME, clean) else "local"


def _local_token(settings: Settings) -> str:
    path = settings.home / wire.LOCAL_TOKEN_FILE
    if not path.exists() or not path.read_text().strip():
        write_private(path, secrets.token_urlsafe(32).encode())
    return path.read_text().strip()


def _listen(settings: Settings, store: Store) -> socket.socket:
    """Take the API's port: the one that is set, else the remembered, the default, the next free one."""
    for port in _candidates(settings.api.port, store, "api.port", wire.API_PORT):
        if (listener := _bound(settings.api.address, port)) is not None:
            _remember_port(store, "api.port", port)
            return listener
    raise _taken("api", settings.api.address, settings.api.port or wire.API_PORT)


def _router_port(settings: Settings, store: Store) -> int:
    """The router's port, chosen as the API's; one on which our own HAProxy still listens is free to us."""
    for port in _candidates(settings.router.port, store, "router.port", wire.ROUTER_PORT):
        probe = _bound(settings.router.address, port)
        if probe is not None:
            probe.close()
        if probe is not None or Router.holds(settings.run, port):
            _remember_port(store, "router.port", port)
            return port
    raise _taken("router", settings.router.address, settings.router.port or wire.ROUTER_PORT)


def _candidates(fixed: int | None, store: Store, key: str, default: int) -> list[int]:
    if fixed is not None:
        return [fixed]
    with store.read() as connection:
        last = remembered.recall(connection, key)
    return [*([int(last)] if last else []), *range(default, default + TRIED)]


def _remember_port(store: Store, key: str, port: int) -> None:
    with store.write() as connection:
        remembered.remember(connection, key, str(port))


def _bound(address: str, port: int) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        return None
    return listener


def _taken(section: str, address: str, port: int) -> PlatformError:
    return PlatformError(
        Code.UNAVAILABLE,
        f"Port {port} on {address} cannot be taken: another program has it. End that one, "
        f"or set another port in server.toml ([{section}] port).",
    )
