"""A real platform for tests: started as a person's is, in a state folder of its own, on free ports."""

from __future__ import annotations

import io
import itertools
import json
import os
import subprocess
import sys
import tarfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from jitsu_py.server import run
from jitsu_py.server.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass
class LocalPlatform:
    """A running server with its state folder; a context manager that stops it."""

    home: Path
    status: run.Status = field(init=False)

    def __enter__(self) -> LocalPlatform:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        run.stop(self.home)

    def start(self) -> None:
        """Start it (again)."""
        self.home.mkdir(parents=True, exist_ok=True)
        settings = self.home / "server.toml"
        if not settings.exists():
            settings.write_text("[drones]\nboot = 8\ngrace = 2\ndrain = 3\n")
        for tries_left in range(4, -1, -1):
            first = _turn()
            try:
                self.status = run.start(self.home, api_port=_free(first), router_port=_free(first + 4000))
            except PlatformError as error:
                # Somebody else's tests took the port between the look and the use.
                if tries_left == 0 or "cannot be taken" not in str(error):
                    raise
            else:
                return

    @property
    def user(self) -> str:
        """The local account."""
        return self.status.user

    @property
    def token(self) -> str:
        """The local token."""
        return (self.home / "local-token").read_text().strip()

    def call(self, method: str, path: str, body: object = None, **more: Any) -> requests.Response:
        """Send a request to the API as the local account."""
        more.setdefault("auth", (self.user, self.token))
        data = more.pop("data", None if body is None else json.dumps(body))
        return requests.request(
            method, self.status.api + path, data=data, timeout=more.pop("timeout", 60), **more
        )

    def get(self, subdomain: str, path: str = "/", **more: Any) -> requests.Response:
        """Visit an app through the router."""
        port = self.status.router.rpartition(":")[2]
        headers = {"host": f"{subdomain}.localhost", **more.pop("headers", {})}
        return requests.get(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=30, **more)

    def env(self, tmp: Path) -> dict[str, str]:
        """The environment of a command line that uses this platform and nothing of the person's own."""
        kept = (
            "PATH",
            "LANG",
            "NODE_EXTRA_CA_CERTS",
            "SSL_CERT_FILE",
            "HTTPS_PROXY",
            "HTTP_PROXY",
            "NO_PROXY",
        )
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "HOME": os.environ.get("HOME", str(tmp)),
            "JITSU_HOME": str(self.home),
            "JITSU_CONFIG": str(tmp / "config.toml"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "CI": "true",
        }

    def jitsu(self, *arguments: str, cwd: Path, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run the command line against this platform."""
        environment = {**self.env(cwd.parent), **more.pop("env", {})}
        return subprocess.run(
            [sys.executable, "-m", "jitsu_py", *arguments],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=more.pop("timeout", 180),
            check=False,
            **more,
        )


def archive(files: Mapping[str, str | bytes]) -> bytes:
    """A snapshot archive of these files, everything below `package/`."""
    buffer = io.BytesIO()
    with ExitStack() as stack:
        tar = stack.enter_context(tarfile.open(fileobj=buffer, mode="w:gz"))
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(f"package/{path}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def hello(name: str, text: str = "hello", **manifest: object) -> dict[str, str | bytes]:
    """The files of a small app that answers `text`, on a port that its code names."""
    body = json.dumps(text)
    return {
        "package.json": json.dumps(
            {"name": name, "version": "0.1.0", "scripts": {"start": "node server.js"}, **manifest}
        ),
        "server.js": f"require('http').createServer((q, r) => r.end({body})).listen(3000);\n",
    }


_TURNS = itertools.count()


def _turn() -> int:
    """Where to look for a free port: no two workers in one place, nor one worker in the same place twice.

    Below the range from which the kernel takes ports of outgoing connections. Two runs of the tests at a time
    begin in different places.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
    return 10000 + 1000 * worker + (os.getpid() * 13 + next(_TURNS) * 7) % 900


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    found = [_free(_turn() + 8000)]
    while len(found) < count:
        found.append(_free(found[-1] + 1))
    return found


def _free(first: int) -> int:
    import socket

    for port in range(first, first + 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")
