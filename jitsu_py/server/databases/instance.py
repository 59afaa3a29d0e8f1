"""One database: its process launched, probed, brought back, for as long as it is wanted."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from asyncio import FIRST_COMPLETED
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from jitsu_py.server import endings
from jitsu_py.server.databases import process as processes
from jitsu_py.server.databases.addresses import HOST
from jitsu_py.server.databases.kinds import MIB, Health, LoadingError, Program, RefusedError, UnreachableError
from jitsu_py.server.drones.backoff import Backoff
from jitsu_py.server.drones.tail import last_lines
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from jitsu_py.server.databases.kinds import Kind, Site
    from jitsu_py.server.databases.process import Found, Process

log = logging.getLogger(__name__)

State = Literal["starting", "running", "slow", "stopped", "failed", "full"]

SERVES: Final = frozenset({"running", "slow", "full"})

EVERY: Final = 2.0
"""Seconds between two probes of a database that works."""

SOON: Final = 0.05
"""Seconds between two probes of one that starts."""

SLOW: Final = 1.0
"""Seconds after which an answer is late."""

PATIENCE: Final = 10.0
"""Seconds that a probe waits for its answer."""

BOOT: Final = 60.0
"""Seconds that a server has to answer for the first time; reading its data does not count."""

AGAIN: Final = 5.0
"""Seconds until what cannot be launched is tried again."""


@dataclass(frozen=True)
class Condition:
    """How a database is."""

    state: State
    why: str | None = None
    """A sentence's worth, without a full stop, when it does not simply run."""


class Instance:
    """A database's server, from its launch or adoption until `stop`.

    Args:
        site: where it lives and with what password; may be replaced while it does not run.
        reserve: MiB of free disk below which it is to take no writes.
        recorded: label of the server that wrote the data; None: none did.
        record: called with the label of a server when it has begun to work on the data.
        settle: called with the site's password when that is in force, and the former one void.
    """

    def __init__(
        self,
        kind: Kind,
        site: Site,
        *,
        reserve: int,
        recorded: str | None,
        record: Callable[[str], None],
        settle: Callable[[str], None],
    ) -> None:
        self.kind = kind
        self.site = site
        self.program: Program | None = None
        self.condition = Condition("stopped")
        self._reserve = reserve
        self.recorded = recorded
        self._record = record
        self._settle = settle
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._backoff = Backoff()
        self._launched = False
        self._mending = asyncio.Lock()

    def start(self, found: Found | None = None) -> None:
        """Launch it, or take over its process; it is kept running from now on."""
        if self._task is None:
            self.condition = Condition("starting")
            self._task = asyncio.create_task(self._live(found))

    async def stop(self, *, leave_running: bool = False) -> None:
        """Keep it running no longer, and end it unless its process is to go on."""
        task, self._task = self._task, None
        if task is not None:
            await endings.end([task])
        process, self._process = self._process, None
        if process is not None and leave_running:
            process.release()
        elif process is not None:
            await process.end()
        self.condition = Condition("stopped")

    async def settled(self) -> Condition:
        """Wait until it works or has failed once, and tell which."""
        while self.condition.state == "starting":
            await asyncio.sleep(SOON)
        return self.condition

    async def take(self, site: Site) -> bool:
        """Take another password or memory over while it runs; False: it must be launched again for that."""
        is_resized = self.site.memory != site.memory
        if self.condition.state not in SERVES or (is_resized and not self.kind.resizes_live):
            return False
        async with self._mending:
            with suppress(RefusedError, UnreachableError, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    if site.former is not None and not await self.kind.adopt_password(site):
                        return False
                self.site = site
                return True
        return False

    def memory(self) -> int:
        """Bytes of memory that it holds."""
        return self._process.memory() if self._process else 0

    async def _live(self, found: Found | None) -> None:
        process = processes.adopt(found) if found else None
        while True:
            began, why = time.monotonic(), ""
            try:
                self._process = process or await self._launch()
                await self._attend(self._process)
                why = await asyncio.to_thread(self._last_words)
            except PlatformError as error:
                why = error.message.rstrip(".")
            except (OSError, UnreachableError, RefusedError) as error:
                why = f"it cannot be launched: {error}"
            except Exception as error:  # whatever ails it, the next round tries again
                log.exception("database %s: its server cannot be attended to", self.site.name)
                why = f"it cannot be launched: {error}"
            await self._give_up_process()
            process = None
            await self._pause(time.monotonic() - began, why)

    async def _give_up_process(self) -> None:
        # Known until it is gone: a stop may come in between.
        if self._process is not None:
            await self._process.end()
            self._process = None

    async def _pause(self, ran: float, why: str) -> None:
        delay = self._backoff.delay(time.monotonic(), ran)
        if not self._launched:
            delay = max(delay, AGAIN)
        log.warning("database %s: %s; again in %g s", self.site.name, why, delay)
        # A server that works again at once is no failure yet; one that never came up is.
        self.condition = Condition("failed" if delay else "starting", why)
        await asyncio.sleep(delay)

    async def _launch(self) -> Process:
        self._launched = False
        self.program = program = await self.find()
        if self.recorded and (why := self.kind.refusal(self.recorded, program)):
            raise _unavailable(why)
        await self._port_is_free()
        writable = await asyncio.to_thread(self._has_room)
        command = await asyncio.to_thread(self.kind.prepare, self.site, program, writable=writable)
        process = processes.launch(command, self.site, self.kind.environment(self.site))
        self._launched = True
        return process

    async def find(self) -> Program:
        """The server's program, fetched if need be.

        Raises:
            PlatformError: UNAVAILABLE, naming what to install.
        """
        return await asyncio.to_thread(self.kind.find) or await self.kind.fetch(self._tell)

    def _tell(self, what: str) -> None:
        if self.condition.state not in SERVES:
            self.condition = Condition("starting", what)

    async def _port_is_free(self) -> None:
        with suppress(OSError):
            async with asyncio.timeout(SLOW):
                _, writer = await asyncio.open_connection(HOST, self.site.port)
            writer.close()
            raise _unavailable(f"another program has its port {self.site.port}; end that one")

    def _has_room(self) -> bool:
        return shutil.disk_usage(self.site.folder).free >= self._reserve * MIB

    async def _attend(self, process: Process) -> None:
        """Probe a process until it ends, or must be launched again."""
        if self.program is None:
            self.program = await self.find()
        give_up = time.monotonic() + BOOT
        while process.alive():
            site = self.site
            try:
                await self._works(site, await self._probed(site, process))
            except LoadingError as error:
                give_up = time.monotonic() + BOOT
                self.condition = Condition(self.condition.state, str(error))
            except RefusedError:
                if not await self._password_is_adopted(site):
                    log.warning("database %s does not take its password: launched again", self.site.name)
                    return
            except UnreachableError as error:
                self._does_not_answer(error)
                if self.condition.state == "starting" and time.monotonic() > give_up:
                    raise _unavailable(f"it did not answer within {BOOT:g} s") from error
            pause = EVERY if self.condition.state in SERVES else SOON
            await asyncio.wait([process.ended], timeout=pause)

    async def _probed(self, site: Site, process: Process) -> Health:
        """What a probe finds; while its answer is late, the database shows as slow."""
        began = time.monotonic()
        writable = await asyncio.to_thread(self._has_room)
        probe = asyncio.ensure_future(self.kind.probe(site, writable=writable))
        either: list[asyncio.Future[Any]] = [probe, process.ended]
        try:
            done, _ = await asyncio.wait(either, timeout=SLOW, return_when=FIRST_COMPLETED)
            if not done:
                self._does_not_answer(None)
                done, _ = await asyncio.wait(either, timeout=PATIENCE - SLOW, return_when=FIRST_COMPLETED)
            if probe not in done:
                raise UnreachableError("it does not answer")
            health = probe.result()
        finally:
            await endings.end([probe])
        if health.refuses is None and not writable:
            health = Health(f"less than {self._reserve} MiB of the disk are free, so it takes no writes")
        return replace(health, seconds=time.monotonic() - began)

    def _does_not_answer(self, error: Exception | None) -> None:
        if self.condition.state in SERVES and self.condition.state != "slow":
            why = f"it has not answered since {time.strftime('%H:%M:%S', time.gmtime())} UTC"
            self.condition = Condition("slow", why)
        if error is not None:
            log.debug("database %s: %s", self.site.name, error)

    async def _works(self, site: Site, health: Health) -> None:
        assert self.program is not None
        if self.recorded != self.program.label:
            await asyncio.to_thread(self._record, self.program.label)
            self.recorded = self.program.label
        if site.former is not None and self.site is site:
            # The password fits, so the one before it is of no use any more.
            self.site = replace(site, former=None)
            await asyncio.to_thread(self._settle, site.password)
        if health.refuses:
            self.condition = Condition("full", health.refuses)
        elif health.seconds > SLOW:
            self.condition = Condition("slow", f"it took {health.seconds:.1f} s to answer")
        else:
            self.condition = Condition("running")

    async def _password_is_adopted(self, site: Site) -> bool:
        async with self._mending:
            if self.site is not site:
                return True  # it was changed while the probe was on its way
            with suppress(RefusedError, UnreachableError):
                return site.former is not None and await self.kind.adopt_password(site)
        return False

    def _last_words(self) -> str:
        said = " / ".join(last_lines(self.site.log, 3))
        return f"its server ended{': ' if said else ''}{said[-500:]}"


def _unavailable(why: str) -> PlatformError:
    return PlatformError(Code.UNAVAILABLE, f"{why}.", blame=Blame.SYSTEM)
