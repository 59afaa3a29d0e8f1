"""An instance of a database: what it was given is its own from that moment on."""

from __future__ import annotations

import asyncio
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from jitsu_py.server.confinement import Confiner
from jitsu_py.server.databases.holding import Holder
from jitsu_py.server.databases.instance import Instance
from jitsu_py.server.databases.kinds import Site
from jitsu_py.server.databases.process import Found
from jitsu_py.server.databases.redis import RedisKind

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("leave_running", [False, True])
def test_one_that_is_stopped_before_it_took_its_process_over(leave_running: bool, tmp_path: Path) -> None:
    """The process ends with it, unless it is to go on; nobody looks for that of a database that is gone."""
    site = Site("ref", tmp_path, tmp_path, "cache", "u", 1, "password", None, memory=16, reserve=1)
    holder = Holder(Confiner(tmp_path, None, None))

    async def stopped(found: Found) -> None:
        instance = Instance(
            RedisKind(), site, holder, recorded=None, record=lambda _: None, settle=lambda _: None
        )
        instance.start(found)
        await instance.stop(leave_running=leave_running)

    with subprocess.Popen(["sleep", "60"], start_new_session=True) as child:
        found = Found("ref", child.pid, psutil.Process(child.pid).create_time(), leads=True)
        try:
            asyncio.run(stopped(found))
            with suppress(subprocess.TimeoutExpired):
                child.wait(0.2 if leave_running else 5)
            assert (child.returncode is None) == leave_running
        finally:
            child.kill()
