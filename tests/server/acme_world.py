"""A real ACME authority on loopback: Pebble, with a DNS server by which every name is this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.certificates.making import AUTHORITY, FOLDER, LocalAuthority
from tests.platforms import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs_pebble = pytest.mark.skipif(
    not (shutil.which("pebble") and shutil.which("pebble-challtestsrv")),
    reason="the ACME server pebble is not installed (apt-get install pebble)",
)


@dataclass
class Pebble:
    """The authority; its own certificate is signed by one that lies in `folder`."""

    folder: Path
    http_port: int
    """Where it asks for the answers to its challenges."""
    ports: list[int] = field(default_factory=lambda: free_ports(3))

    @property
    def directory(self) -> str:
        """Where its clients begin."""
        return f"https://localhost:{self.ports[0]}/dir"

    @property
    def ca(self) -> Path:
        """What signed its own certificate."""
        return self.folder / FOLDER / AUTHORITY

    @contextlib.contextmanager
    def running(self) -> Iterator[Pebble]:
        """Until the end of the block."""
        self._prepare()
        _directory, _management, dns = self.ports
        names = [
            *("pebble-challtestsrv", "-dns01", f"127.0.0.1:{dns}", "-defaultIPv4", "127.0.0.1"),
            *("-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", ""),
            *("-management", f"127.0.0.1:{free_ports(1)[0]}"),
        ]
        authority = ["pebble", "-config", "pebble.json", "-dnsserver", f"127.0.0.1:{dns}"]
        with self._run(names), self._run(authority):
            self._wait()
            yield self

    def trusting(self) -> ssl.SSLContext:
        """What a browser knows that trusts what it signs."""
        return ssl.create_default_context(cadata=self.root())

    def root(self) -> str:
        """Its own certificate, PEM; another one after each start."""
        mine = ssl.create_default_context(cafile=str(self.ca))
        address = f"https://localhost:{self.ports[1]}/roots/0"
        with urllib.request.urlopen(address, context=mine, timeout=15) as answer:
            return str(answer.read().decode())

    def _prepare(self) -> None:
        self.folder.mkdir(exist_ok=True)
        issued = asyncio.run(LocalAuthority(self.folder).issue("localhost"))
        (self.folder / "cert.pem").write_text(issued.chain)
        (self.folder / "key.pem").write_text(issued.key)
        settings = {
            "listenAddress": f"127.0.0.1:{self.ports[0]}",
            "managementListenAddress": f"127.0.0.1:{self.ports[1]}",
            "certificate": "cert.pem",
            "privateKey": "key.pem",
            "httpPort": self.http_port,
            "tlsPort": 1,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
        }
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": settings}))

    @contextlib.contextmanager
    def _run(self, command: list[str]) -> Iterator[None]:
        # By default it takes its time, and refuses so many nonces that one order in fifty fails.
        with (self.folder / f"{command[0]}.log").open("ab") as log:
            started = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"},
                executable=shutil.which(command[0]),
            )
            try:
                yield
            finally:
                started.kill()
                started.wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.ports[0]), 5):
                return
            assert time.monotonic() < deadline, (self.folder / "pebble.log").read_text()
            time.sleep(0.05)
