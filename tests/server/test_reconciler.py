"""The reconciler with real drones and a real router, where reads are late and parts of it fail."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py.server import settings as settings_file
from jitsu_py.server.drones import LocalEngine
from jitsu_py.server.drones.census import marked
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.logbook import Logbook
from jitsu_py.server.notes import Notes
from jitsu_py.server.reconciler import Reconciler
from jitsu_py.server.reconciler.desired import Desired
from jitsu_py.server.redaction import unchanged
from jitsu_py.server.router import Router, find_haproxy
from jitsu_py.server.store import apps, load_sealer, open_store, snapshots, users
from jitsu_py.wire import Code
from tests.load import Load
from tests.server.router_world import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from jitsu_py.server.store import Store
    from jitsu_py.server.store.apps import App

pytestmark = pytest.mark.slow

SAYS_WHO = "require('http').createServer((q, r) => r.end(String(process.pid))).listen(3000);\n"


@dataclass
class Hold:
    """Holds up one read of all apps after it was made, as a slow disk may."""

    number: int
    """Which read of the task it is, counted from 1."""
    reads: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)


HOLD: ContextVar[Hold | None] = ContextVar("HOLD", default=None)


class Late(Desired):
    """What a task with a `HOLD` reads is old by the time it gets it."""

    def listed(self) -> list[App]:
        """All apps, when the hold is over."""
        listed = super().listed()
        if hold := HOLD.get():
            hold.reads += 1
            if hold.reads == hold.number:
                hold.reached.set()
                assert hold.go.wait(20)
        return listed


@dataclass
class World:
    """A platform without API and builder, with one app that has a built snapshot."""

    home: Path
    store: Store
    router: Router
    reconciler: Reconciler
    port: int

    @property
    def app(self) -> App:
        """As the store has it now."""
        with self.store.read() as connection:
            return apps.get(connection, "alice", "hello")

    def pids(self) -> list[int]:
        """The drones' processes."""
        return [one.pid for one in marked(self.home.resolve()) if one.leads]

    def load(self) -> Load:
        """Visitors of the app."""
        return Load(self.port, "hello.localhost", connections=4)

    async def seen(self, condition: Any) -> None:
        """Wait for something."""
        deadline = time.monotonic() + 15
        while not condition():
            assert time.monotonic() < deadline, "it did not come about"
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def world(home: Path) -> AsyncIterator[World]:
    """Open it, and end it with all it started."""
    settings_file.prepare(home)
    (home / "server.toml").write_text("[drones]\nboot = 10\ngrace = 2\ndrain = 2\n")
    settings = settings_file.load(home)
    haproxy, node = find_haproxy(), shutil.which("node")
    assert haproxy is not None
    assert node is not None
    with contextlib.closing(open_store(home, load_sealer(home))) as store:
        _fill(store, node)
        place = home / "builds" / "alice" / "hello" / "1"
        place.mkdir(parents=True)
        (place / "server.js").write_text(SAYS_WHO)
        port = free_port()
        router = Router(haproxy, settings.run, port=port)
        logbook = Logbook(home / "logs")
        notes = Notes(logbook, lambda _app: unchanged)
        reconciler = Reconciler(store, LocalEngine(home), router, logbook, notes, settings)
        await reconciler.open()
        try:
            yield World(home, store, router, reconciler, port)
        finally:
            await reconciler.close(leave_running=False)
    assert marked(home.resolve()) == []


def _fill(store: Store, node: str) -> None:
    env = store.sealer.seal({})
    with store.write() as connection:
        users.create(connection, "alice", email=None, password=None, confirmed=True)
        user = users.find(connection, "alice")
        assert user is not None
        app = apps.create(connection, user.id, "hello", subdomain="hello", manifest={}, env=env)
        made = snapshots.create(connection, app, "1", md5="", sha256="", size=0)
        snapshots.change(connection, made.id, state="ready", node=node, command="node server.js")
        apps.change(connection, app, active_id=made.id)


@pytest.mark.parametrize("number", [1, 2])
def test_a_round_that_read_before_a_switch_does_no_harm(
    home: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late its read is: routes and drones of before the switch are not brought back after it."""
    monkeypatch.setattr("jitsu_py.server.reconciler.reconciler.Desired", Late)

    async def scene() -> None:
        async with world(home) as here:
            await here.reconciler.start(here.app)
            before = here.pids()
            hold = Hold(number)

            async def one_round() -> None:
                HOLD.set(hold)
                await here.reconciler._round()

            with here.load() as load:
                late = asyncio.create_task(one_round())
                assert await asyncio.to_thread(hold.reached.wait, 10)
                switch = asyncio.create_task(here.reconciler.restart(here.app))
                await asyncio.wait([switch], timeout=1.5)
                await asyncio.sleep(0.5)
                hold.go.set()
                await asyncio.gather(late, switch)
                await here.seen(lambda: not set(before) & set(here.pids()))
                new = here.pids()
                await asyncio.sleep(0.7)
                assert here.pids() == new
            assert not load.figures.failed, load.figures.failed[:3]
            assert load.figures.samples[-1].text == str(new[0])

    asyncio.run(scene())


def test_a_switch_that_cannot_be_recorded_is_undone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk at the last moment: the error is told, the old drone serves, the new one is gone."""

    async def scene() -> None:
        async with world(home) as here:
            await here.reconciler.start(here.app)
            before = here.pids()

            def full(*_: Any, **__: Any) -> None:
                raise PlatformError(Code.DISK_FULL, "The disk is full.")

            with monkeypatch.context() as patched, here.load() as load:
                patched.setattr(here.reconciler._desired, "set", full)
                with pytest.raises(PlatformError, match="full"):
                    await here.reconciler.restart(here.app)
                assert here.pids() == before
            assert not load.figures.failed
            await here.reconciler.restart(here.app)
            await here.seen(lambda: len(here.pids()) == 1)

    asyncio.run(scene())


def test_a_router_that_fails_keeps_no_drone_alive(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises when asked what former drones carry, a stop ends them."""

    async def scene() -> None:
        async with world(home) as here:
            await here.reconciler.start(here.app)

            async def broken(*_: Any) -> frozenset[str]:
                raise KeyError(7)

            with monkeypatch.context() as patched:
                patched.setattr(here.router, "drained", broken)
                await here.reconciler.stop(here.app)
            assert here.pids() == []
            await here.reconciler.start(here.app)

    asyncio.run(scene())


def test_a_router_that_fails_in_a_switch_leaves_no_drone_for_ever(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drones of before go with the first round that gets the new routes through."""

    async def scene() -> None:
        async with world(home) as here:
            await here.reconciler.start(here.app)
            before = here.pids()

            async def broken(*_: Any) -> None:
                raise PlatformError(Code.INTERNAL, "HAProxy does not start.")

            with monkeypatch.context() as patched:
                patched.setattr(here.router, "apply", broken)
                with pytest.raises(PlatformError, match="HAProxy"):
                    await here.reconciler.restart(here.app)
                assert set(before) < set(here.pids())
            await here.seen(lambda: len(here.pids()) == 1)
            assert here.pids() != before

    asyncio.run(scene())


def test_a_close_is_bounded_by_the_grace_and_starts_nothing(home: Path) -> None:
    """A start that waits hears of it at once; later ones are refused; HAProxy is not brought back."""

    async def scene() -> None:
        async with world(home) as here:
            (home / "builds" / "alice" / "hello" / "1" / "server.js").write_text(
                "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);\n"
            )
            starting = asyncio.create_task(here.reconciler.start(here.app))
            await here.seen(here.pids)
            await asyncio.sleep(0.3)
            began = time.monotonic()
            here.reconciler.give_up()
            with pytest.raises(PlatformError, match="given up"):
                await starting
            assert time.monotonic() - began < 1
            await here.reconciler.close(leave_running=False)
            assert time.monotonic() - began < 2 + 2
            with pytest.raises(PlatformError, match="stopping"):
                await here.reconciler.start(here.app)
            await here.reconciler.routes_changed()
            assert not Router.holds(home / "run", here.port)

    asyncio.run(scene())
