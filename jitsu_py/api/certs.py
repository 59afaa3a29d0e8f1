"""Certificates of an app's hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jitsu_py.api import fields
from jitsu_py.api.addresses import route, split_app

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from jitsu_py.api.transport import Transport


@dataclass(frozen=True, slots=True)
class Certificate:
    """How a host stands with HTTPS."""

    host: str
    state: str
    """`valid`, `expired`, `none`, or `waiting` after a failure."""
    source: str
    """`own`, `acme`, `local`; empty: it has none."""
    issuer: str
    """Who signed it."""
    begins: datetime | None
    ends: datetime | None
    error: str
    """Why the platform got none the last time it tried."""
    again: datetime | None
    """When it tries again."""

    @classmethod
    def parse(cls, data: Mapping[str, object]) -> Certificate:
        """Read one entry; its host must be there."""
        return cls(
            host=fields.text(data, "host"),
            state=fields.maybe_text(data, "state"),
            source=fields.maybe_text(data, "source"),
            issuer=fields.maybe_text(data, "issuer"),
            begins=fields.maybe_time(data, "begins"),
            ends=fields.maybe_time(data, "ends"),
            error=fields.maybe_text(data, "error"),
            again=fields.maybe_time(data, "again"),
        )


class Certs:
    """The routes below `/apps/:user/:app/certs`. An app is named `name` or `user/name`."""

    def __init__(self, transport: Transport, user: str) -> None:
        self._transport = transport
        self._user = user

    def list(self, app: str) -> list[Certificate]:
        """Give the certificate of each of the app's hosts."""
        reply = self._transport.call("GET", self._path(app))
        return [Certificate.parse(row) for row in fields.rows(reply, "certificates")]

    def add(self, app: str, host: str, certificate: str, key: str) -> tuple[Certificate, str]:
        """Bring a certificate of one's own; with it, what browsers may doubt of it.

        Args:
            app: whose host it is.
            host: the domain.
            certificate: PEM: the leaf and its intermediate authorities.
            key: PEM of its private key, without a pass phrase.

        Raises:
            UsageError: it is not good for that host.
            NotFoundError: the app has no such host.
        """
        body = {"certificate": certificate, "key": key}
        reply = self._transport.call("PUT", self._path(app, host), body)
        warning = fields.maybe_text(fields.mapping(reply, "the reply"), "warning")
        return Certificate.parse(fields.inner(reply, "certificate")), warning

    def remove(self, app: str, host: str) -> None:
        """Forget a certificate of one's own."""
        self._transport.call("DELETE", self._path(app, host))

    def retry(self, app: str, host: str) -> Certificate:
        """Have the authority asked again for a host, now."""
        reply = self._transport.call("POST", self._path(app, host, "retry"), {})
        return Certificate.parse(fields.inner(reply, "certificate"))

    def _path(self, app: str, *parts: str) -> str:
        return route("apps", *split_app(app, self._user), "certs", *parts)
