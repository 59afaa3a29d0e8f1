"""The router as the platform sees it: wanted routes in, HAProxy made to follow."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Final

from jitsu_py.server.errors import PlatformError

from . import config, drain, runtime
from .front import Front
from .process import Process
from .processes import listens, orphans
from .slots import MAP, Table, map_commands, plan, read_map, read_servers
from .tls import Tls

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from .routes import Route
    from .tls import Certificate

log = logging.getLogger(__name__)

SLOTS: Final = 128
"""Slots of a fresh pool; it doubles by a reload when it runs out. 1,000 cost HAProxy 20 MiB."""

_LOOK: Final = 2.0
"""Seconds between two looks whether HAProxy's sockets are still in the run folder."""

_PAUSES: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between tries to bring HAProxy back."""

_TROUBLE = (OSError, TimeoutError, runtime.CommandError)


class Router:
    """HAProxy, kept running and kept equal to the routes last wanted. For one event loop.

    Args:
        haproxy: the binary, as `find_haproxy` finds it.
        run: folder for its files and sockets; it is made if need be, and may be deleted at any time.
        port: where visitors come in.
        address: the IP address they come to.
        slots: size of a fresh pool.
        front: what there is beside the routes of apps.
        default: PEM of certificate and key for HTTPS under names that have none.
        compresses: whether text is compressed for visitors who take it.
    """

    def __init__(
        self,
        haproxy: Path,
        run: Path,
        *,
        port: int,
        address: str = "127.0.0.1",
        slots: int = SLOTS,
        front: Front = Front(),  # noqa: B008 - it is frozen
        default: str = "",
        compresses: bool = True,
    ) -> None:
        https = front.https
        self._process = Process(
            haproxy, run, address=address, port=port, tls_port=None if https is None else https.port
        )
        self._front = front
        self._tls = Tls(default, [front.api.host] if front.api else []) if https is not None else None
        self._port = port
        self._address = address
        self._compresses = compresses
        self._table = Table(slots)
        self._wanted: tuple[Route, ...] = ()
        self._lock = asyncio.Lock()
        self._closed = False

    @staticmethod
    def holds(run: Path, port: int) -> bool:
        """Our own HAProxy of this run folder listens on the port, so `start` will take it over."""
        return any(listens(pid, port) for pid in orphans(run.absolute() / config.CONFIG))

    async def start(self) -> None:
        """Take over our HAProxy where one still runs, routes and all; else start one that has no routes yet.

        Raises:
            PlatformError: UNAVAILABLE: the port is taken; INTERNAL: HAProxy does not start.
        """
        async with self._lock:
            self._closed = False
            try:
                if not await self._adopt():
                    await self._process.start(self._files())
            except BaseException:
                self._process.release()
                raise

    async def apply(self, routes: Sequence[Route]) -> None:
        """Make these the routes of all apps. Nothing is lost on the way; what is under way ends where it is.

        Raises:
            PlatformError: HAProxy was dead or confused and cannot be started anew.
        """
        async with self._lock:
            if self._closed:
                return  # nobody is to bring back an HAProxy that was just ended
            self._wanted = tuple(routes)
            if self._tls is not None:
                self._tls.ask(routes)
            try:
                await self._change()
                await self._secure()
            except _TROUBLE as error:
                log.warning("The router starts over: %s", repr(error))
                await self._start_over()

    async def certify(self, certificates: Sequence[Certificate]) -> None:
        """Make these the certificates of HTTPS; before `start`, those to start with.

        Raises:
            PlatformError: as `apply`.
        """
        async with self._lock:
            if self._tls is not None:
                self._tls.want(certificates)
                await self._secured_now()

    async def prove(self, answers: Mapping[str, str]) -> None:
        """Answer ACME's challenges: `host/path` -> text, and no others than these.

        Raises:
            PlatformError: as `apply`.
        """
        async with self._lock:
            if self._tls is not None:
                self._tls.challenges = dict(answers)
                await self._secured_now()

    async def drained(self, names: Collection[str], seconds: float) -> frozenset[str]:
        """Wait until these former drones carry nothing more, or cut what they carry when the time is over.

        Drones that a route still leads to, or that HAProxy does not know, are passed over.

        Args:
            names: of drones.
            seconds: to wait at most.

        Returns:
            Those whose connections were cut.
        """
        deadline, pause, calm = time.monotonic() + seconds, 0.02, 0
        carrying = set(names)
        # Two looks: a request may just be between the map and its drone.
        while calm < 2:
            carrying = await self._carrying(names)
            calm = 0 if carrying else calm + 1
            if carrying and time.monotonic() >= deadline:
                break
            if calm < 2:
                await asyncio.sleep(min(pause, max(0.02, deadline - time.monotonic())))
                pause = min(0.25, pause * 1.5)
        async with self._lock:
            with contextlib.suppress(*_TROUBLE):
                await drain.cut_in_old_workers(self._process.master, carrying & self._strangers(names))
                await drain.delete(self._process.worker, self._table, self._table.former(names))
        return frozenset(carrying)

    async def watch(self) -> None:
        """Until cancelled: bring HAProxy back with its routes when it dies or its files are deleted."""
        failures = 0
        while True:
            if self._process.alive():
                # Not `wait_for`: before Python 3.12 it forgets a cancellation that comes with the result.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK):
                        await self._process.dead()
            else:
                await asyncio.sleep(_PAUSES[0])
            failures = 0 if await self._mended() else failures + 1
            if failures:
                await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES)) - 1])

    async def close(self, *, leave_running: bool) -> None:
        """Let go of HAProxy, or end it and what it carries."""
        async with self._lock:
            self._closed = True
            if not leave_running:
                await self._process.stop()
            self._process.release()

    async def _adopt(self) -> bool:
        if not await self._process.find():
            return False
        with contextlib.suppress(*_TROUBLE):
            async with runtime.session(self._process.worker) as session:
                info, servers, hosts = await session.ask(
                    ["show info", "show servers state", f"show map {MAP}"]
                )
            known = config.read_mark(info)
            if known is None:
                return False
            address, ports, size = known
            self._table = Table(size, read_map(hosts), read_servers(servers))
            self._process.share()
            if (address, ports) != (self._address, config.ports(self._port, self._front)):
                await self._process.retire()
                await self._start_from(self._table)
            elif self._mark() not in info:
                await self._start_from(self._table)
            elif self._tls is not None:
                await self._tls.adopt(self._process.worker)
                await self._secure()
            return True
        return False

    async def _change(self) -> None:
        """Carry out what is to be changed, by commands; by a reload only where the pool is too small."""
        wanted = plan(self._table, self._wanted)
        if wanted.missing:
            await self._make_room()
            wanted = plan(self._table, self._wanted)
        async with runtime.session(self._process.worker) as session:
            await session.tell(wanted.before)
            if wanted.hosts != self._table.hosts:
                (said,) = await session.ask([f"prepare map {MAP}"])
                await session.tell(map_commands(wanted.hosts, said.rpartition(" ")[2]))
            await session.tell(wanted.after)
        self._table.hosts = dict(wanted.hosts)
        self._table.servers = {slot: dict(inside) for slot, inside in wanted.servers.items()}

    async def _secure(self) -> None:
        if self._tls is not None:
            await self._tls.follow(self._process.worker)

    async def _secured_now(self) -> None:
        if self._closed or not self._process.pid:
            return  # whoever starts HAProxy next starts it with what is wanted
        try:
            await self._secure()
        except _TROUBLE as error:
            log.warning("The router starts over: %s", repr(error))
            await self._start_from(self._table)

    async def _make_room(self) -> None:
        """Empty slots of former drones that carry nothing; if these do not suffice, double the pool."""
        table = self._table
        idle = [(slot, name) for slot in table.vacated() for name in table.servers[slot]]
        carrying = await drain.busy(self._process.worker, table, {name for _, name in idle})
        await drain.delete(self._process.worker, table, [place for place in idle if place[1] not in carrying])
        if missing := plan(table, self._wanted).missing:
            size = table.size
            while size - table.size < missing:
                size *= 2
            await self._start_from(Table(size, table.hosts, table.servers))

    async def _start_over(self) -> None:
        """Render all that is wanted and have HAProxy start from it."""
        size = self._table.size
        while (wanted := plan(Table(size), self._wanted)).missing:
            size *= 2
        servers = {slot: dict(inside) for slot, inside in wanted.servers.items()}
        await self._start_from(Table(size, dict(wanted.hosts), servers))

    async def _start_from(self, table: Table) -> None:
        running = set(table.running().values())
        servers = {
            slot: {name: server for name, server in inside.items() if server.ready}
            for slot, inside in table.servers.items()
            if slot in running
        }
        self._table = Table(
            table.size, table.hosts, {slot: inside for slot, inside in servers.items() if inside}
        )
        await self._process.renew(self._files())

    async def _mended(self) -> bool:
        """HAProxy runs and can be talked to, maybe after a new start; False: it cannot be started now."""
        async with self._lock:
            if self._closed or (self._process.alive() and not self._process.lost):
                return True
            log.warning("HAProxy is gone; it is started again.")
            try:
                await self._start_from(self._table)
            except (PlatformError, OSError) as error:
                log.error("HAProxy cannot be started: %s", error)
                return False
            return True

    async def _carrying(self, names: Collection[str]) -> set[str]:
        with contextlib.suppress(*_TROUBLE):
            found = await drain.busy(self._process.worker, self._table, names)
            old = await drain.busy_in_old_workers(self._process.master, self._strangers(names))
            return found | {each.drone for each in old}
        return set()

    def _strangers(self, names: Collection[str]) -> set[str]:
        return set(names) - {target.name for route in self._wanted for target in route.targets}

    def _mark(self) -> str:
        return config.mark(
            self._address, self._port, self._table.size, self._front, compresses=self._compresses
        )

    def _files(self) -> dict[str, str]:
        files = config.render(self._table, self._mark(), self._front, compresses=self._compresses)
        return files | (self._tls.files() if self._tls else {})
