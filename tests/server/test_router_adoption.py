"""The listening socket after a server took over the HAProxy of another."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from typing import TYPE_CHECKING

import psutil
import pytest

from jitsu_py.server.router import Router, find_haproxy, listener
from jitsu_py.server.router.processes import runs
from tests.e2e.steps import until
from tests.server.router_world import free_port

if TYPE_CHECKING:
    from pathlib import Path


def may_trace_others() -> bool:
    """Whether this system lets a process take descriptors of others of its user."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        child = os.fork()
        if not child:
            signal.pause()
        try:
            found = listener.held_by(child, "127.0.0.1", server.getsockname()[1])
            if found is not None:
                found.close()
            return found is not None
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_a_descriptor_of_another_process_is_found_by_its_address() -> None:
    """Not the one beside it; and of a process that is gone, none."""
    child = os.fork()
    if not child:  # pragma: no cover - another process
        signal.pause()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert listener.held_by(child, "127.0.0.1", 1) is None
    assert listener.held_by(os.getpid(), "127.0.0.1", 1) is None


def test_visitors_wait_while_an_adopted_haproxy_is_replaced(tmp_path: Path) -> None:
    """Its master and workers die; who comes meanwhile is queued on the socket, and answered by the next."""
    if not may_trace_others():
        pytest.skip("this system keeps a process from taking another's descriptors (Yama)")
    haproxy, port = find_haproxy(), free_port()
    assert haproxy is not None

    async def scene() -> None:
        first = Router(haproxy, tmp_path / "run", port=port)
        await first.start()
        await first.close(leave_running=True)
        second = Router(haproxy, tmp_path / "run", port=port)
        await second.start()
        try:
            kill_all(tmp_path / "run")
            # Nobody watches yet: without the socket, this would be refused.
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: nobody\r\nConnection: close\r\n\r\n")
            watching = asyncio.create_task(second.watch())
            async with asyncio.timeout(20):
                assert (await reader.readline()).startswith(b"HTTP/1.1 503")
            watching.cancel()
            writer.close()
            await writer.wait_closed()
        finally:
            await second.close(leave_running=False)

    asyncio.run(scene())


def kill_all(run: Path) -> None:
    """kill -9 of the HAProxy of a run folder, master and workers, and see them dead."""
    config = str(run / "haproxy.cfg")
    found = [one for one in psutil.process_iter(["cmdline"]) if config in (one.info["cmdline"] or [])]
    assert found
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    # Dead they are at once; they are gone when whoever is their parent has looked.
    until(lambda: not any(runs(one.pid) for one in found), 20)
