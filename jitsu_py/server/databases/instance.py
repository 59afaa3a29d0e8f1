"""One database: its process launched, probed, brought back, for as long as it is wanted."""

from __future__ import annotations

import asyncio
import logging
import time
from asyncio import FIRST_COMPLETED
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server import endings
from jitsu_py.server.databases import condition
from jitsu_py.server.databases import process as processes
from jitsu_py.server.databases.condition import SERVES, SLOW, Condition, Fall, no_room
from jitsu_py.server.databases.kinds import (
    Health,
    LoadingError,
    RefusedError,
    UnreachableError,
    UnusableError,
)
from jitsu_py.server.databases.launching import Launcher, unavailable
from jitsu_py.server.drones.backoff import Backoff
from jitsu_py.server.drones.tail import last_lines
from jitsu_py.server.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jitsu_py.server.databases.holding import Holder
    from jitsu_py.server.databases.kinds import Kind, Site
    from jitsu_py.server.databases.process import Found, Process

log = logging.getLogger(__name__)

EVERY: Final = 2.0
"""Seconds between two probes of a database that works."""

SOON: Final = 0.05
"""Seconds between two probes of one that starts."""

PATIENCE: Final = 10.0
"""Seconds that a probe waits for its answer."""

BOOT: Final = 60.0
"""Seconds that a server has to answer for the first time; reading its data does not count."""

AGAIN: Final = 5.0
"""Seconds until what cannot be launched is tried again."""


class Instance:
    """A database's server, from its launch or adoption until `stop`.

    Args:
        site: where it lives and with what password; may be replaced while it does not run.
        holder: holds its processes.
        recorded: label of the server that wrote the data; None: none did.
        record: called with the label of a server when it has begun to work on the data.
        settle: called with the site's password when that is in force, and the former one void.
    """

    def __init__(
        self,
        kind: Kind,
        site: Site,
        holder: Holder,
        *,
        recorded: str | None,
        record: Callable[[str], None],
        settle: Callable[[str], None],
    ) -> None:
        self.kind = kind
        self.site = site
        self.condition = Condition("stopped")
        self.launcher = Launcher(kind, holder, self._tell)
        self.recorded = recorded
        self._record = record
        self._settle = settle
        self._found: Found | None = None
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._backoff = Backoff()
        self._fall: Fall | None = None
        self._mending = asyncio.Lock()

    def start(self, found: Found | None = None) -> None:
        """Launch it, or take over its process; it is kept running from now on."""
        if self._task is None:
            self.condition = Condition("starting")
            self._fall = None
            self._found = found
            self._task = asyncio.create_task(self._live())

    async def stop(self, *, leave_running: bool = False) -> None:
        """Keep it running no longer, and end it unless its process is to go on."""
        task, self._task = self._task, None
        if task is not None:
            await endings.end([task])
        process, self._process = self._process, None
        found, self._found = self._found, None
        if found is not None and not leave_running:
            await processes.sweep([found])
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
                if self._process is not None and self.launcher.program is not None:
                    self._process.bound(self.kind.bound(site, self.launcher.program))
                return True
        return False

    async def _live(self) -> None:
        while True:
            began, why = time.monotonic(), None
            try:
                self._process = await self._launched()
                self._found = None
                why = await self._attend(self._process)
            except PlatformError as error:
                why = error.message.rstrip(".")
            except (OSError, UnreachableError, RefusedError) as error:
                why = f"it cannot be launched: {error}"
            except Exception as error:  # whatever ails it, the next round tries again
                log.exception("database %s: its server cannot be attended to", self.site.name)
                why = f"it cannot be launched: {error}"
            self._found, was_launched = None, self._process is not None
            await self._give_up_process()
            if why is not None:
                await self._pause(time.monotonic() - began, why, AGAIN if not was_launched else 0.0)

    async def _launched(self) -> Process:
        found = self._found
        process = await self.launcher.adopt(self.site, found, self.recorded) if found else None
        return process or await self.launcher.launch(self.site, self.recorded)

    async def _give_up_process(self) -> None:
        # Known until it is gone: a stop may come in between.
        if self._process is not None:
            await self._process.end()
            self._process = None

    async def _pause(self, ran: float, why: str, least: float) -> None:
        delay = max(least, self._backoff.delay(time.monotonic(), ran))
        log.warning("database %s: %s; again in %g s", self.site.name, why, delay)
        if not delay:
            # A server that works again at once is no failure yet; one that never came up is.
            self.condition = Condition("starting", why)
        elif await asyncio.to_thread(self.site.has_room):
            self.condition = Condition("failed", why)
        else:
            self.condition = Condition("full", no_room(self.site.reserve, f"it does not start: {why}"))
        await asyncio.sleep(delay)

    def _tell(self, told: Condition) -> None:
        if told.state != "starting" or self.condition.state not in SERVES:
            self.condition = told

    async def _attend(self, process: Process) -> str | None:
        """Probe a process until it ends, or must be launched again.

        Returns:
            Why it must, or how it ended; None: it is to be launched again as soon as it can.
        """
        give_up = time.monotonic() + BOOT
        while process.alive():
            site = self.site
            writable = await asyncio.to_thread(site.has_room)
            if not writable and not self.launcher.refuses_writes():
                return None
            try:
                await self._works(site, await self._probed(site, process, writable=writable))
            except LoadingError as error:
                give_up = time.monotonic() + BOOT
                self.condition = Condition(self.condition.state, str(error))
            except RefusedError:
                if not await self._password_is_adopted(site):
                    return "it does not take its password"
            except UnusableError as error:
                return self._fell(f"its server answered by errors only: {error}")
            except UnreachableError as error:
                self._does_not_answer(error)
                if self.condition.state == "starting" and time.monotonic() > give_up:
                    raise unavailable(f"it did not answer within {BOOT:g} s") from error
            pause = EVERY if self.condition.state in SERVES else SOON
            await asyncio.wait([process.ended], timeout=pause)
        return self._fell(await asyncio.to_thread(self._last_words, process))

    def _fell(self, why: str) -> str:
        self._fall = Fall(why, time.time())
        return why

    async def _probed(self, site: Site, process: Process, *, writable: bool) -> Health:
        """What a probe finds; while its answer is late, the database shows as slow."""
        began = time.monotonic()
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
            health = Health(no_room(site.reserve))
        return replace(health, seconds=time.monotonic() - began)

    def _does_not_answer(self, error: Exception | None) -> None:
        if self.condition.state in SERVES and self.condition.state != "slow":
            self.condition = Condition("slow", f"it has not answered since {condition.utc(time.time())}")
        if error is not None:
            log.debug("database %s: %s", self.site.name, error)

    async def _works(self, site: Site, health: Health) -> None:
        assert self.launcher.program is not None
        label = self.launcher.program.label
        if self.recorded != label:
            await asyncio.to_thread(self._record, label)
            self.recorded = label
        if site.former is not None and self.site is site:
            # The password fits, so the one before it is of no use any more.
            self.site = replace(site, former=None)
            await asyncio.to_thread(self._settle, site.password)
        self.condition = condition.found(health, self._fall)

    async def _password_is_adopted(self, site: Site) -> bool:
        async with self._mending:
            if self.site is not site:
                return True  # it was changed while the probe was on its way
            with suppress(RefusedError, UnreachableError):
                return site.former is not None and await self.kind.adopt_password(site)
        return False

    def _last_words(self, process: Process) -> str:
        ending = process.ending
        said = "" if ending.signal == "SIGKILL" else " / ".join(last_lines(self.site.log, 3))
        return f"its server ended {ending.words()}{': ' if said else ''}{said[-500:]}"
