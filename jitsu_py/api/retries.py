"""What is sent a second time, and what never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from urllib3.exceptions import InvalidHeader, ReadTimeoutError
from urllib3.util.retry import Retry

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from urllib3 import BaseHTTPResponse
    from urllib3.connectionpool import ConnectionPool

LONGEST_WAIT = 5.0
"""Seconds; a server that asks for more in Retry-After is asked again no later."""

OPTIONS: dict[str, Any] = {
    "total": 3,
    "connect": 2,
    "read": 2,
    "status": 2,
    "redirect": 0,
    "allowed_methods": frozenset({"GET", "HEAD", "PUT"}),
    "backoff_factor": 0.1,
    "raise_on_status": False,
}


class Retries(Retry):
    """Try again what no server saw, and what is safe to send twice; not what took too long already.

    A connection that did not come about is tried again for every method; one that broke, and a 503 with
    Retry-After, only for those in `OPTIONS`. DELETE is not among them: where only its answer was lost,
    the second would fail with 404.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**OPTIONS | options)

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Tell whether a reply means: ask again."""
        return status_code == 503 and has_retry_after and method.upper() in OPTIONS["allowed_methods"]

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Give the seconds to wait; a header that makes no sense counts as none."""
        try:
            seconds = super().get_retry_after(response)
        except InvalidHeader:
            return None
        return None if seconds is None else min(seconds, LONGEST_WAIT)

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Count one more try; a read that timed out gets none, or the wait would double."""
        if isinstance(error, ReadTimeoutError):
            raise error
        return super().increment(method, url, response, error, _pool, _stacktrace)
