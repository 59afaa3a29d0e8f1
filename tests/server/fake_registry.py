"""A package registry on loopback that answers as it is told."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.unit.archives import member, tar_bytes

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping


@dataclass
class FakeRegistry:
    """A context manager; packages are added before it is entered."""

    status: int = 0
    """Every request is answered with it, unless 0."""
    token: str = ""
    """Requests without it are answered 401, unless empty."""
    tls: ssl.SSLContext | None = None
    asked: list[str] = field(default_factory=list)
    """Paths, in the order they were asked for."""
    packages: dict[str, dict[str, Any]] = field(default_factory=dict)
    tarballs: dict[str, bytes] = field(default_factory=dict)

    def add(
        self,
        name: str,
        version: str,
        *,
        integrity: str = "",
        programs: Mapping[str, str] | None = None,
        **package: Any,
    ) -> None:
        """Have a package; `programs` are executable files in it."""
        manifest = {"name": name, "version": version, **package}
        members = [member("package/package.json", json.dumps(manifest).encode())]
        members += [
            member(f"package/{path}", text.encode(), mode=0o755) for path, text in (programs or {}).items()
        ]
        tarball = gzip.compress(tar_bytes(members))
        path = f"/{name}/-/{name}-{version}.tgz"
        self.tarballs[path] = tarball
        digest = base64.b64encode(hashlib.sha512(tarball).digest()).decode()
        dist = {"tarball": path, "integrity": integrity or f"sha512-{digest}"}
        found = self.packages.setdefault(name, {"name": name, "versions": {}, "dist-tags": {}})
        found["versions"][version] = {**manifest, "dist": dist}
        found["dist-tags"]["latest"] = version

    def __enter__(self) -> FakeRegistry:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Base address."""
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://127.0.0.1:{self._server.server_port}"

    def npmrc(self) -> str:
        """What a project's .npmrc says to use it."""
        return f"registry={self.url}/\nfetch-retries=0\n"

    def answer(self, path: str) -> tuple[int, bytes]:
        """Status and body for a path."""
        if self.status:
            return self.status, b'{"error": "as told"}'
        if path in self.tarballs:
            return 200, self.tarballs[path]
        package = self.packages.get(path.strip("/"))
        if package is None:
            return 404, b'{"error": "not found"}'
        whole: dict[str, Any] = json.loads(json.dumps(package))
        for version in whole["versions"].values():
            version["dist"]["tarball"] = self.url + version["dist"]["tarball"]
        return 200, json.dumps(whole).encode()

    def _handler(registry) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.asked.append(self.path)
                status, body = registry.answer(unquote(self.path))
                if registry.token and self.headers.get("authorization") != f"Bearer {registry.token}":
                    status, body = 401, b'{"error": "authorization required to access it"}'
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        return Handler
