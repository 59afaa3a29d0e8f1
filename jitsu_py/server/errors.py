"""What can go wrong on the platform, in the words of the API's error bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUSES = {
    Code.BAD_REQUEST: 400,
    Code.UNAUTHORIZED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.NAME_TAKEN: 409,
    Code.SUBDOMAIN_TAKEN: 409,
    Code.DOMAIN_TAKEN: 409,
    Code.SNAPSHOT_EXISTS: 409,
    Code.SNAPSHOT_ACTIVE: 409,
    Code.STALLED: 408,
    Code.TOO_LARGE: 413,
    Code.DISK_FULL: 503,
    Code.LIMIT_REACHED: 402,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}
"""HTTP status of each code; those not named here are a 400: the request or the app is at fault.

A limit is a 402: who asks may do this, but not so much of it. The command line of 2013 prints the sentence
of a 402; of a 403 it prints nothing, and when deploying it asks for a login."""


class PlatformError(Exception):
    """An error that the API answers as `{"error", "message", "blame", "details"}`.

    Args:
        code: its stable name.
        message: a sentence a person can act on.
        blame: whose fault it is.
        details: more facts, JSON values only.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        blame: Blame = Blame.USER,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.blame = blame
        self.details = dict(details or {})

    @property
    def status(self) -> int:
        """HTTP status."""
        return STATUSES.get(self.code, 400)

    def body(self) -> dict[str, Any]:
        """The error as the API and the last event of a stream show it."""
        shown: dict[str, Any] = {"error": self.code.value, "message": self.message, "blame": self.blame.value}
        if self.details:
            shown["details"] = self.details
        return shown
