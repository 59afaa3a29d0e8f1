"""Where this server can be reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Address:
    """Where this server can be reached."""

    api: str
    """Base URL of the JSON API on its own port, without a slash at the end."""
    router_port: int
    https: int | None = None
    """Port for HTTPS."""
    host: str = ""
    """The API's own name behind the router."""

    @property
    def public(self) -> str:
        """Base URL of the JSON API for people elsewhere."""
        return self.at(self.host, is_secure=self.https is not None) if self.host else self.api

    def seen(self, host: str | None) -> str:
        """Base URL of the JSON API for somebody who came by this host."""
        return self.public if host == self.host else self.api

    def at(self, host: str, *, is_secure: bool) -> str:
        """The address of a host behind the router."""
        if is_secure and self.https is not None:
            return f"https://{host}" if self.https == 443 else f"https://{host}:{self.https}"
        return f"http://{host}" if self.router_port == 80 else f"http://{host}:{self.router_port}"
