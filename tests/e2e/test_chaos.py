"""Everything is killed, restarted and changed at random under load, and what is wanted comes about each time.

The order is drawn from a seed, which is printed; `JITSU_CHAOS_SEED` repeats one, `JITSU_CHAOS_SECONDS` makes
it longer.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server import run
from jitsu_py.server.reconciler.reconciler import AT_ONCE
from tests.e2e.steps import (
    NEVER_LISTENS,
    act,
    drones,
    haproxy,
    kill,
    put,
    router_port,
    says,
    scale,
    serve,
    shown,
    until,
)
from tests.load import Load, Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.platforms import LocalPlatform

SECONDS = float(os.environ.get("JITSU_CHAOS_SECONDS", "15"))
SEED = int(os.environ.get("JITSU_CHAOS_SEED") or random.SystemRandom().randrange(10**6))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(SECONDS * 4 + 240)]

SOURCE = """
const answer = 'VERSION ' + (process.env.COLOUR || 'none');
const server = require('http').createServer((q, r) => r.end(answer)).listen(3000);
"""


@dataclass
class Wanted:
    """What the app is to be, by the last order that was answered."""

    version: int = 0
    colour: str = "none"
    drones: int = 2

    @property
    def answer(self) -> str:
        """What a visitor is to read."""
        return f"{self.version} {self.colour}"


@dataclass
class Chaos:
    """One run."""

    platform: LocalPlatform
    path: str
    wanted: Wanted = field(default_factory=Wanted)
    done: Counter[str] = field(default_factory=Counter)
    dice: random.Random = field(default_factory=lambda: random.Random(SEED))

    def step(self) -> str:
        """Do one thing, and see that everything is as wanted after it."""
        deeds: list[Callable[[], None]] = [
            *(self.kill_a_drone, self.kill_all_drones, self.kill_the_router, self.kill_the_server),
            *(
                self.kill_everything,
                self.restart_the_server,
                self.restart,
                self.deploy,
                self.scale,
                self.paint,
            ),
        ]
        deed = self.dice.choice(deeds)
        name = deed.__name__
        deed()
        self.settle(name)
        self.done[name] += 1
        return name

    def settle(self, after: str) -> None:
        """Wait until what is there is what is wanted."""
        what = f"after {after} (seed {SEED}): {self.wanted}"
        until(lambda: len(drones(self.platform, self.path)) == self.wanted.drones, 60, what)
        until(self._is_right, 60, what)
        app = shown(self.platform, self.path)
        assert (app["state"], app["maxDrones"]) == ("started", self.wanted.drones), what

    def _is_right(self) -> bool:
        try:
            answer = self.platform.get("chaos")
            app = shown(self.platform, self.path)
        except OSError:
            return False
        fares = (app["condition"], app["drones"]) == ("started", self.wanted.drones)
        return answer.text == self.wanted.answer and fares

    def kill_a_drone(self) -> None:
        kill(self.dice.choice(drones(self.platform, self.path)))

    def kill_all_drones(self) -> None:
        kill(*drones(self.platform, self.path))

    def kill_the_router(self) -> None:
        kill(*haproxy(self.platform))

    def kill_the_server(self) -> None:
        os.kill(self.platform.status.pid, signal.SIGKILL)
        until(lambda: run.status(self.platform.home) is None, 30)
        time.sleep(self.dice.random() / 2)
        self.platform.status = run.start(self.platform.home)

    def kill_everything(self) -> None:
        """As a machine that loses its power does."""
        os.kill(self.platform.status.pid, signal.SIGKILL)
        kill(*haproxy(self.platform), *drones(self.platform))
        until(lambda: run.status(self.platform.home) is None, 30)
        kill(*haproxy(self.platform), *drones(self.platform))
        self.platform.status = run.start(self.platform.home)

    def restart_the_server(self) -> None:
        self.platform.status = run.restart(self.platform.home)

    def restart(self) -> None:
        act(self.platform, self.path, "restart")

    def deploy(self) -> None:
        self.wanted.version += 1
        version = self.wanted.version
        put(self.platform, self.path, f"r{version}", SOURCE.replace("VERSION", str(version)))
        act(self.platform, self.path, "start")

    def scale(self) -> None:
        self.wanted.drones = self.dice.choice([1, 2, 3])
        scale(self.platform, self.path, self.wanted.drones)

    def paint(self) -> None:
        self.wanted.colour = self.dice.choice(["red", "green", "blue"])
        answer = self.platform.call("PUT", self.path, {"env": {"COLOUR": self.wanted.colour}})
        assert answer.status_code == 200, answer.text
        act(self.platform, self.path, "start")


UNFELT = {"kill_the_server", "restart_the_server", "restart", "deploy", "scale", "paint"}
"""What no visitor may notice: no request of these fails."""


def test_chaos(platform: LocalPlatform) -> None:
    """After each deed the app is what was asked for; deploys and restarts cost no visitor anything."""
    print(f"seed {SEED}")
    path = serve(platform, "chaos", SOURCE.replace("VERSION", "0"), drones=2)
    chaos = Chaos(platform, path)
    chaos.settle("the start")
    felt: list[tuple[float, float]] = []
    with Load(router_port(platform), "chaos.localhost", rate=10) as load:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            began = time.monotonic()
            if chaos.step() not in UNFELT:
                load.answered(2 * load.connections)  # who keeps a connection sees only now that it died
                felt.append((began, time.monotonic()))
        load.answered(2 * load.connections)
    print(f"seed {SEED}: {sum(chaos.done.values())} deeds {dict(chaos.done)}; {load.figures}")
    assert not load.figures.hanging
    lost = [one for one in load.figures.failed if not _overlaps(one, felt)]
    assert not lost, (SEED, lost[:5])


def _overlaps(one: Sample, times: list[tuple[float, float]]) -> bool:
    """Whether a request was under way in one of these times."""
    return any(one.began <= ended and began <= one.began + one.seconds for began, ended in times)


def test_after_a_reboot_all_apps_come_back(platform: LocalPlatform) -> None:
    """More than are brought up at a time, one of them broken meanwhile: it keeps no other from its turn."""
    names = [f"app-{number}" for number in range(AT_ONCE + 2)]
    paths = {name: serve(platform, name, says(name, after=0.3)) for name in names}
    broken = platform.home / "builds" / platform.user / names[0] / "1" / "server.js"
    broken.write_text(NEVER_LISTENS)
    chaos = Chaos(platform, paths[names[0]])
    chaos.kill_everything()
    for name in names[1:]:
        until(lambda name=name: shown(platform, paths[name])["condition"] == "started", 90, name)  # type: ignore[misc]
        until(lambda name=name: platform.get(name).text == name, 30, name)  # type: ignore[misc]
    until(lambda: shown(platform, paths[names[0]])["condition"] == "crashing", 60, "the broken one")
