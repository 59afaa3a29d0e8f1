"""The server itself: who it is, whether it is well, where it runs apps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jitsu_py.api import fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.api.transport import Transport


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """What a server says of itself to anybody."""

    service: str
    """`jitsu`, where it is one of ours."""
    version: str
    router: str
    """Base URL of the apps; empty: not said."""
    raw: Mapping[str, Any] = field(repr=False)
    """As the server sent it: links and more."""


@dataclass(frozen=True, slots=True)
class Health:
    """How a server is."""

    status: str
    """`ok` when all is well."""
    raw: Mapping[str, Any] = field(repr=False)
    """As the server sent it."""


class System:
    """The routes that need no login; no credentials are sent."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def root(self, timeout: float | None = None) -> ServiceInfo:
        """Ask a server who it is; timeout: seconds."""
        reply = self._transport.call("GET", "/", timeout=timeout, login=False)
        data = fields.mapping(reply, "the reply")
        return ServiceInfo(
            service=fields.maybe_text(data, "service"),
            version=fields.maybe_text(data, "version"),
            router=fields.maybe_text(data, "router"),
            raw=data,
        )

    def health(self, timeout: float | None = None) -> Health:
        """Ask a server whether it is well; timeout: seconds."""
        reply = self._transport.call("GET", "/health", timeout=timeout, login=False)
        data = fields.mapping(reply, "the reply")
        return Health(fields.maybe_text(data, "status"), data)

    def endpoints(self) -> dict[str, dict[str, str]]:
        """Give the address of the API for each provider and datacenter."""
        found = fields.inner(self._transport.call("GET", "/endpoints", login=False), "endpoints")
        return {provider: fields.table(found, provider) for provider in found}
