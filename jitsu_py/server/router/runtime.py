"""HAProxy's runtime sockets: many commands on one connection, their replies in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

PATIENCE: Final = 10.0
"""Seconds for one batch of commands."""

_LONGEST = 100
"""Bytes of a path that a unix socket takes on every system (Linux 107, macOS 103)."""

_FINE = ("", "New server registered.", "Server deleted.", "IP changed", "no need to change", "port changed")


class CommandError(Exception):
    """HAProxy refused a command: its state is not what we took it for."""


class Session:
    """An open connection to a runtime socket, in interactive mode."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._prompt = b"> "

    async def open(self) -> None:
        """Switch the prompt on: it marks where a reply ends."""
        self._writer.write(b"prompt\n")
        greeting = await self._reader.readuntil(b"> ")
        self._prompt = b"\n" + greeting.strip() + b" "

    async def ask(self, commands: Iterable[str]) -> list[str]:
        """Send all commands, then return their replies, stripped, in order."""
        sent = list(commands)
        async with asyncio.timeout(PATIENCE):
            self._writer.write("".join(f"{command}\n" for command in sent).encode())
            return [await self._reply() for _ in sent]

    async def tell(self, commands: Iterable[str]) -> None:
        """Send all commands and see that none is refused.

        Raises:
            CommandError: names the first that was refused; those after it were sent too.
        """
        sent = list(commands)
        for command, reply in zip(sent, await self.ask(sent), strict=True):
            if not reply.startswith(_FINE[1:]) and reply:
                raise CommandError(f"{command}: {reply}")

    async def _reply(self) -> str:
        said = await self._reader.readuntil(self._prompt)
        return said.removesuffix(self._prompt).decode(errors="replace").strip()


@contextlib.asynccontextmanager
async def session(path: Path) -> AsyncIterator[Session]:
    """Connect to a runtime socket.

    Raises:
        OSError: nobody listens there.
        TimeoutError: nobody answers.
    """
    async with asyncio.timeout(PATIENCE):
        with reachable(path) as short:
            reader, writer = await asyncio.open_unix_connection(short, limit=64 * 1024 * 1024)
    try:
        opened = Session(reader, writer)
        async with asyncio.timeout(PATIENCE):
            await opened.open()
        yield opened
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError(f"HAProxy closed {path.name}.") from error
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@contextlib.contextmanager
def reachable(path: Path) -> Iterator[str]:
    """A name of a socket that is short enough to connect to, however deep the folder."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    with tempfile.TemporaryDirectory(prefix="jitsu-") as folder:
        link = Path(folder, "run")
        link.symlink_to(path.parent.absolute())
        yield str(link / path.name)


async def reload(path: Path) -> None:
    """Have the master start a worker of the files on disk; the old one ends with its last connection.

    Raises:
        CommandError: the files cannot be used; the old worker goes on.
        OSError: there is no master.
    """
    with reachable(path) as short:
        reader, writer = await asyncio.open_unix_connection(short)
    try:
        writer.write(b"reload\n")
        async with asyncio.timeout(PATIENCE):
            said = (await reader.read()).decode(errors="replace")
    finally:
        writer.close()
    if "Success=1" not in said:
        raise CommandError(f"reload: {said.strip()}")


def old_workers(said: str) -> list[int]:
    """Read the pids of replaced workers from the master's `show proc`."""
    _, _, old = said.partition("# old workers")
    return [int(pid) for pid in re.findall(r"^(\d+)\s+worker", old, re.MULTILINE)]
