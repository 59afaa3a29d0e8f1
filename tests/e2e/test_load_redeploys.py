"""Switches, scalings and restarts under load: no visitor notices. Full size: `tests.benchmarks redeploy`."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server import run
from tests.e2e.steps import act, drones, haproxy, kill, put, ready, router_port, says, scale, serve, until
from tests.load import Load

if TYPE_CHECKING:
    from tests.platforms import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

REDEPLOYS = 4


def load_on(platform: LocalPlatform, name: str, *, rate: float = 50.0) -> Load:
    """Eight visitors of an app."""
    return Load(router_port(platform), f"{name}.localhost", rate=rate)


@pytest.mark.parametrize(("name", "count", "after"), [("one", 1, 0.0), ("two", 2, 0.0), ("slow", 1, 4.0)])
def test_redeploys_under_load_fail_nobody(
    shared_platform: LocalPlatform, name: str, count: int, after: float
) -> None:
    """Each new version is seen, each request is answered; also while a version takes 4 s to listen."""
    path = serve(shared_platform, name, says("version 0"), drones=count)
    times = 2 if after else REDEPLOYS
    with load_on(shared_platform, name) as load:
        load.answered(400)
        busy = time.monotonic()
        for number in range(1, times + 1):
            put(shared_platform, path, f"r{number}", says(f"version {number}", after=after))
            act(shared_platform, path, "start")
            load.answered(100)
    quiet, switching = load.figures.between(0, busy), load.figures.between(busy, time.monotonic())
    print(f"{name}: quiet {quiet}; {times} redeploys: {switching}")
    assert not load.figures.failed, load.figures.failed[:5]
    assert set(load.figures.texts) == {f"version {number}" for number in range(times + 1)}
    last = load.figures.samples[-1]
    assert last.text == f"version {times}"


def test_scaling_under_load_fails_nobody(shared_platform: LocalPlatform) -> None:
    """1, 3, 1: new drones get requests once they listen, surplus ones finish theirs."""
    path = serve(shared_platform, "scaled", says("x", after=1))
    with load_on(shared_platform, "scaled") as load:
        load.answered(100)
        scale(shared_platform, path, 3)
        assert len(drones(shared_platform, path)) == 3
        load.answered(200)
        scale(shared_platform, path, 1)
        until(lambda: len(drones(shared_platform, path)) == 1)
        load.answered(100)
    print(f"scaled: {load.figures}")
    assert not load.figures.failed, load.figures.failed[:5]
    # Nobody was sent to a drone that did not listen yet: that costs a try of 0.3 s at least.
    assert load.figures.percentile(99) < 0.3


def test_restarts_of_app_and_server_under_load_fail_nobody(platform: LocalPlatform) -> None:
    """A rolling restart, a new server by HUP, and no server at all for a while."""
    path = serve(platform, "steady")
    before = drones(platform, path)
    with load_on(platform, "steady") as load:
        load.answered(100)
        platform.status = run.restart(platform.home)
        load.answered(100)
        assert drones(platform, path) == before
        os.kill(platform.status.pid, signal.SIGKILL)
        until(lambda: run.status(platform.home) is None)
        load.answered(400)
        platform.status = run.start(platform.home)
        load.answered(100)
        assert drones(platform, path) == before
        act(platform, path, "restart")
        until(lambda: len(drones(platform, path)) == 1)
        assert drones(platform, path) != before
        load.answered(100)
    print(f"restarts: {load.figures}")
    assert not load.figures.failed, load.figures.failed[:5]


def both_are_there(platform: LocalPlatform, path: str, victim: int) -> bool:
    """Another drone is in the place of the one that was killed, and answers."""
    there = drones(platform, path)
    return len(there) == 2 and victim not in there and ready(platform, path) == 2


def test_killed_drones_and_routers_come_back(platform: LocalPlatform) -> None:
    """A drone of two: nobody notices. A drone alone and HAProxy: back within a moment."""
    path = serve(platform, "tough", drones=2)
    with load_on(platform, "tough") as load:
        load.answered(200)
        for _ in range(3):
            victim = drones(platform, path)[0]
            kill(victim)
            until(partial(both_are_there, platform, path, victim))
            load.answered(200)
    print(f"one of two drones killed: {load.figures}")
    assert not load.figures.failed, load.figures.failed[:5]

    scale(platform, path, 1)
    until(lambda: len(drones(platform, path)) == 1)
    for name, victims in (("a lone drone", drones(platform, path)), ("HAProxy", haproxy(platform))):
        with load_on(platform, "tough") as load:
            load.answered(200)
            killed = time.monotonic()
            kill(*victims)
            load.answered(400)
        figures = load.figures.between(killed - 1, killed + 60)
        away = max((sample.began + sample.seconds for sample in figures.failed), default=killed) - killed
        print(f"{name} killed: {figures}; failures until {away:.2f} s after")
        assert not figures.hanging
        # Ten times what is aimed at: this machine may be busy with other tests.
        assert away < 5
        assert figures.samples[-1].status == 200


def test_run_may_be_deleted_under_load(platform: LocalPlatform) -> None:
    """HAProxy's sockets, the drones' folders, the run file: all of it comes again, nobody notices."""
    import shutil

    path = serve(platform, "wiped")
    with load_on(platform, "wiped") as load:
        load.answered(100)
        shutil.rmtree(platform.home / "run", ignore_errors=True)  # the server may put a file back meanwhile
        until((platform.home / "run" / "haproxy.sock").exists)
        until(lambda: run.status(platform.home))
        put(platform, path, "2", says("after the wipe"))
        act(platform, path, "start")
        load.answered(200)
    print(f"run/ deleted: {load.figures}")
    assert not load.figures.failed, load.figures.failed[:5]
    assert load.figures.samples[-1].text == "after the wipe"
    kill(*drones(platform, path))
    until(lambda: platform.get("wiped").text == "after the wipe")
