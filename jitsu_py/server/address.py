"""Where this server can be reached."""

from __future__ import annotations

import platform as machine
from dataclasses import dataclass
from typing import Final

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
"""Addresses that only programs of this machine reach."""

EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not bound
"""Addresses that stand for all of this machine's, each with one at which its own programs find it."""


@dataclass(frozen=True)
class Address:
    """Where this server can be reached."""

    listens: str
    """The address that the JSON API listens on."""
    port: int
    """Its port there."""
    router_port: int
    https: int | None = None
    """Port for HTTPS."""
    host: str = ""
    """The API's own name behind the router."""

    @property
    def api(self) -> str:
        """Base URL of the JSON API on its own port for programs of this machine, no slash at the end."""
        return _url(reached_at(self.listens), self.port)

    @property
    def public(self) -> str:
        """Base URL of the JSON API for people elsewhere."""
        if self.host:
            return self.at(self.host, is_secure=self.https is not None)
        return _url(machine.node(), self.port) if self.listens in EVERYWHERE else self.api

    def seen(self, host: str | None) -> str:
        """Base URL of the JSON API for somebody who came by this host."""
        if host == self.host:
            return self.public
        return _url(host, self.port) if host and self.listens in EVERYWHERE else self.api

    def at(self, host: str, *, is_secure: bool) -> str:
        """The address of a host behind the router."""
        if is_secure and self.https is not None:
            return f"https://{host}" if self.https == 443 else f"https://{host}:{self.https}"
        return f"http://{host}" if self.router_port == 80 else f"http://{host}:{self.router_port}"


def reached_at(address: str) -> str:
    """Where programs of this machine find what listens on an address."""
    return EVERYWHERE.get(address, address)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
