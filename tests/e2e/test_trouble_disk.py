"""A disk that fills up during a build fails that build, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.builder.space import RESERVED
from tests.e2e import steps
from tests.platforms import LocalPlatform, archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

SIZE = 256 * 1024 * 1024

FILLS = """
const fs = require('fs')
const block = Buffer.alloc(1 << 20, 1)
let n = 0
setInterval(() => { for (let i = 0; i < 4; i++) fs.writeFileSync('large' + n++, block) }, 20)
"""


@pytest.fixture
def full(home: Path) -> Iterator[LocalPlatform]:
    """A platform on a small disk of its own."""
    home.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "jitsu-test", str(home)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        with LocalPlatform(home) as running:
            yield running
    finally:
        subprocess.run(["umount", "--lazy", str(home)], check=False)


def test_only_the_build_that_fills_the_disk_fails(full: LocalPlatform) -> None:
    """It is told as a full disk, what it wrote is gone, apps serve on and the next deploy works."""
    serving = steps.serve(full, "serving")
    before = steps.drones(full, serving)
    greedy = steps.create(full, "greedy")
    files = steps.files(
        "greedy", steps.says("x"), scripts={"start": "node server.js", "build": "node fill.js"}
    )
    answer = full.call("POST", f"{greedy}/snapshots/1", data=archive({**files, "fill.js": FILLS}))
    error = answer.json()
    assert (error["error"], error["blame"]) == ("disk_full", "system"), error
    assert "free" in error["details"]["hint"].lower()
    (snapshot,) = steps.shown(full, greedy)["snapshots"]
    assert (snapshot["state"], snapshot["error"]["error"]) == ("failed", "disk_full")
    assert steps.leftovers(full) == []
    status = os.statvfs(full.home)
    assert status.f_bavail * status.f_frsize > RESERVED
    assert steps.drones(full, serving) == before
    assert full.get("serving").text == "serving"
    steps.put(full, serving, "2", steps.says("two"))
    steps.act(full, serving, "start")
    assert full.get("serving").text == "two"


def test_what_does_not_fit_is_refused_before_it_is_built(full: LocalPlatform) -> None:
    """An upload that would leave the platform no room of its own is refused with both figures."""
    path = steps.create(full, "large")
    # Small when packed, but no bomb.
    data = b"".join(os.urandom(1024) + b"x" * 64512 for _ in range((SIZE - RESERVED) // 65536 + 1))
    files = {**steps.files("large", steps.says("x")), "data.txt": data}
    answer = full.call("POST", f"{path}/snapshots/1", data=archive(files))
    assert (answer.status_code, answer.json()["error"]) == (503, "disk_full"), answer.text
    details = answer.json()["details"]
    assert details["needed"]["bytes"] + RESERVED > details["free"]["bytes"]
    assert "MiB free" in answer.json()["message"]
    assert steps.shown(full, path)["snapshots"] == []
    assert steps.leftovers(full) == []


def test_room_is_promised_to_one_build_only(full: LocalPlatform) -> None:
    """While a build is expected to need it, another one is refused that would fit alone; later it does."""
    script = "const fs = require('fs'), go = () => fs.writeFileSync('large', Buffer.alloc(80 << 20, 1))\n"
    slow = {"start": "node server.js", "build": "node fill.js"}
    first, second = steps.create(full, "first"), steps.create(full, "second")
    files = steps.files("first", steps.says("x"), scripts=slow)
    steps.put(full, first, "1", {**files, "fill.js": f"{script}; go()"})
    again = archive({**files, "fill.js": f"{script}; console.log('waiting'); setTimeout(go, 6000)"})
    answers: list[int] = []
    building = threading.Thread(
        target=lambda: answers.append(full.call("POST", f"{first}/snapshots/2", data=again).status_code)
    )
    building.start()
    log = f"{first}/snapshots/2/log"
    steps.until(lambda: "waiting" in full.call("GET", log).text, what="the build")
    other = {**steps.files("second", steps.says("x")), "large": b"x" * 1024 + bytes(60 << 20)}
    other = {**other, **{f"{n}.txt": os.urandom(1 << 20) for n in range(2)}}
    refused = full.call("POST", f"{second}/snapshots/1", data=archive(other))
    assert refused.json()["error"] == "disk_full", refused.text
    assert "free beside what builds under way will take" in refused.json()["message"]
    building.join(60)
    assert answers == [200]
    assert full.call("DELETE", first).status_code == 200
    assert full.call("POST", f"{second}/snapshots/1", data=archive(other)).status_code == 200
