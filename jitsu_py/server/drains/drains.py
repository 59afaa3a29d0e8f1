"""All drains of the platform: the shippers that run are those that the store names."""

from __future__ import annotations

import asyncio
import logging
import platform as machine
import ssl
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jitsu_py.server.drains.addresses import parse
from jitsu_py.server.drains.receivers import receiver
from jitsu_py.server.drains.shipper import Pace, Shipper, State
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.store import drains
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from jitsu_py.server.logbook import Logbook
    from jitsu_py.server.settings import Logs
    from jitsu_py.server.store import Store
    from jitsu_py.server.store.drains import Drain

log = logging.getLogger(__name__)

LOOK: Final = 1.0
"""Seconds between two looks for drains that came or went; who adds one need not wait for it."""


class Drains:
    """Ships what the store's drains are to get.

    Args:
        settings: whether, and to where.
        local_user: this machine's own account; it may reach what the server can.
        pace: patience with receivers.

    Raises:
        PlatformError: the certificates that the settings name cannot be read.
    """

    def __init__(
        self, store: Store, logbook: Logbook, settings: Logs, local_user: str, pace: Pace | None = None
    ) -> None:
        self._store = store
        self._logbook = logbook
        self._policy = settings.drains
        self._local_user = local_user
        self._pace = pace or Pace()
        self._context = _trust(settings.ca)
        self._running: dict[int, tuple[Shipper, asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()

    @property
    def are_off(self) -> bool:
        """Whether nothing is shipped."""
        return self._policy == "off"

    def may_go_anywhere(self, user: str) -> bool:
        """Whether an account's drains may lead into this machine and its networks."""
        return self._policy == "anywhere" or user == self._local_user

    def changed(self) -> None:
        """The store's drains are others now."""
        self._changed.set()

    def state(self, drain: Drain) -> State | None:
        """How a drain fares; None: it does not run."""
        found = self._running.get(drain.id)
        return found[0].state if found else None

    async def run(self) -> None:
        """Ship until cancelled."""
        version = -1
        try:
            while not self.are_off:
                self._changed.clear()
                if (now := self._store.version()) != version or self._ended():
                    version = now
                    await self._reconcile()
                try:
                    async with asyncio.timeout(LOOK):
                        await self._changed.wait()
                except TimeoutError:
                    continue
                version = -1
        finally:
            await self._end(list(self._running))

    def _ended(self) -> bool:
        return any(task.done() for _, task in self._running.values())

    async def _reconcile(self) -> None:
        wanted = {drain.id: drain for drain in await asyncio.to_thread(self._listed)}
        await self._end(
            [each for each, (_, task) in self._running.items() if each not in wanted or task.done()]
        )
        for drain in wanted.values():
            if drain.id not in self._running:
                self._begin(drain)

    def _listed(self) -> list[Drain]:
        with self._store.read() as connection:
            return drains.listed(connection)

    def _begin(self, drain: Drain) -> None:
        try:
            address = parse(self._store.sealer.open(drain.url)["url"])
        except PlatformError:
            log.exception("the drain %s of %s cannot be used", drain.ref, drain.user)
            return
        to = receiver(
            address,
            drain.ref,
            machine.node(),
            anywhere=self.may_go_anywhere(drain.user),
            context=self._context,
            settles=self._pace.settles,
        )
        shipper = Shipper(
            drain,
            to,
            self._store,
            self._logbook,
            pace=self._pace,
            report=partial(log.warning, "the drain %s of %s: %s", drain.ref, drain.user),
        )
        self._running[drain.id] = (shipper, asyncio.create_task(shipper.run()))

    async def _end(self, ids: list[int]) -> None:
        tasks = [self._running.pop(each)[1] for each in ids]
        for task in tasks:
            task.cancel()
        for error in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(error, Exception):
                log.error("a drain broke off", exc_info=error)


def _trust(ca: str) -> ssl.SSLContext:
    """Whom to trust: the system's authorities, and those in a file of the person's own."""
    context = ssl.create_default_context()
    try:
        if ca:
            context.load_verify_locations(Path(ca))
    except OSError as error:
        words = f"[logs] ca: {ca} holds no certificates that can be used: {error}."
        raise PlatformError(Code.BAD_REQUEST, words, blame=Blame.USER) from error
    return context
