"""Follow an app's log over lost connections and restarts of the platform: each line once, none left out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jitsu_py.errors import ServerRefusedError, TimedOutError, UnreachableError
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jitsu_py.api.client import Client
    from jitsu_py.api.logs import LogLine
    from jitsu_py.reporter import Reporter

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds before the first and between later tries to connect again; each is twice the one before."""


def follow(
    client: Client,
    app: str,
    rows: int,
    reporter: Reporter,
    filters: Mapping[str, str],
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[LogLine]:
    """Give lines until the caller has enough; connects again by itself.

    Args:
        client: of the server.
        app: `user/name`.
        rows: how many of the past to begin with.
        reporter: told of a lost connection.
        filters: as `Logs.query` takes them.
        pause: waits some seconds; tests wait less.

    Raises:
        JitsuError: the first connection does not come about, or the app is gone.
    """
    after, wait, is_known = "", FIRST_PAUSE, False
    while True:
        try:
            for line in client.logs.tail(app, rows, after, **filters):
                is_known, wait = True, FIRST_PAUSE
                if line is not None:
                    after = line.id or after
                    yield line
            is_known = True
        except (UnreachableError, TimedOutError, ServerRefusedError) as error:
            if not is_known or (isinstance(error, ServerRefusedError) and error.code != Code.UNAVAILABLE):
                raise
            reporter.warn(f"the connection was lost ({error.message}); connecting again")
        # The past was shown, and where there was none everything is new.
        after = after or ("0" if rows else "")
        pause(wait)
        wait = min(wait * 2, LONGEST_PAUSE)
